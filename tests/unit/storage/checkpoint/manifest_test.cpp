#include "common/storage/checkpoint/manifest.h"

#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20U;

TEST(ChunkGrid, ScalarIsOneChunkAndEmptyTensorHasNone) {
  EXPECT_EQ(chunk_grid(DType::F64, {}), (std::vector<std::uint64_t>{0, 8}));
  EXPECT_EQ(chunk_grid(DType::F32, {0, 7}), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(chunk_grid(DType::F32, {7, 0}), (std::vector<std::uint64_t>{0}));
}

TEST(ChunkGrid, CutsOnRowsIntoPiecesOfEqualHeight) {
  // 10 MiB in rows of 1 MiB: three chunks would do, of 4, 4 and 2 rows.
  const auto grid = chunk_grid(DType::F32, {10, 1 << 18});
  EXPECT_EQ(grid, (std::vector<std::uint64_t>{0, 4 * kMiB, 8 * kMiB, 10 * kMiB}));
  // 9 MiB: 3 + 3 + 3 rather than 4 + 4 + 1.
  EXPECT_EQ(chunk_grid(DType::F32, {9, 1 << 18}),
            (std::vector<std::uint64_t>{0, 3 * kMiB, 6 * kMiB, 9 * kMiB}));
}

TEST(ChunkGrid, SplitsRowsAboveFourMiBAndNeverSpansTwo) {
  const auto grid = chunk_grid(DType::F32, {2, 5 << 18});  // rows of 5 MiB
  EXPECT_EQ(grid,
            (std::vector<std::uint64_t>{0, 5 * kMiB / 2, 5 * kMiB, 15 * kMiB / 2, 10 * kMiB}));
}

TEST(ChunkGrid, AscendsAndStaysWithinFourMiBForAnyShape) {
  const Random random(1, "test", "grid");
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::vector<std::int64_t> shape = {1 + random.below(3 * i, 3000),
                                             1 + random.below(3 * i + 1, 4000)};
    const auto type = random.below(3 * i + 2, 2) == 0 ? DType::F64 : DType::BF16;
    const auto grid = chunk_grid(type, shape);
    ASSERT_EQ(grid.back(), size_of(type) * static_cast<std::uint64_t>(shape[0] * shape[1]));
    for (std::size_t c = 1; c < grid.size(); ++c) {
      ASSERT_LT(grid[c - 1], grid[c]);
      ASSERT_LE(grid[c] - grid[c - 1], 4 * kMiB);
    }
  }
}

Manifest example() {
  Manifest manifest;
  manifest.step = 12;
  manifest.phase = Phase::C;
  manifest.position = 77;
  manifest.facts = {{"cpu", "AVX2"}, {"seed", "42"}};
  manifest.config = "train:\n  steps: 12\n";
  manifest.blobs = {{"decoupler/counters", std::string("\0\1\2", 3)}, {"empty", ""}};
  PartReceipt receipt;
  receipt.rank = "sam2-1";
  receipt.step = 12;
  receipt.part = "00000012-sam2-1.sst";
  receipt.tensors = {{"b", DType::BF16, {2, 3}, "sam2-1", {{{7, 8}, 12, 3, receipt.part}}},
                     {"a", DType::I64, {}, "sam2-1", {{{1, 2}, 8, 0, "00000004-sam2-1.sst"}}},
                     {"none", DType::F32, {0}, "sam2-1", {}}};
  EXPECT_TRUE(manifest.add(receipt));
  return manifest;
}

TEST(Manifest, DecodingUndoesEncoding) {
  const auto manifest = example();
  const auto back = decode_manifest(encode(manifest).bytes());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, manifest);
  EXPECT_EQ(back->find("b")->shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(back->find("c"), nullptr);
}

TEST(Manifest, TruncatedOrFlippedBytesNeverCrashTheDecoder) {
  const Buffer message = encode(example());
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(decode_manifest(message.bytes().first(size)) == example()) << size;
  }
  for (std::size_t byte = 0; byte < message.size(); ++byte) {
    for (const int bit : {0, 4, 7}) {
      Buffer damaged = Buffer::copy_of(message.bytes());
      damaged.mutable_bytes()[byte] ^= static_cast<std::byte>(1 << bit);
      const auto result = decode_manifest(damaged.bytes());
      EXPECT_TRUE(result || result.error().code() == Errc::Corrupt);
    }
  }
}

TEST(Manifest, RefusesATensorThatTwoRanksSaved) {
  auto manifest = example();
  PartReceipt other;
  other.rank = "sam2-2";
  other.step = 12;
  other.tensors = {{"b", DType::F32, {}, "sam2-2", {}}};
  const auto before = manifest;
  const auto result = manifest.add(other);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::InvalidArgument);
  EXPECT_NE(result.error().message().find("'b'"), std::string::npos);
  EXPECT_EQ(manifest, before);
}

TEST(Manifest, RefusesAReceiptOfAnotherStep) {
  auto manifest = example();
  PartReceipt earlier;
  earlier.step = 11;
  EXPECT_FALSE(manifest.add(earlier));
}

TEST(TensorRecord, HashOfSeveralChunksDependsOnTheirOrder) {
  TensorRecord record{"t", DType::F32, {2}, "r", {{{1, 1}, 4, 0, "p"}, {{2, 2}, 4, 1, "p"}}};
  const auto forward = record.hash();
  std::swap(record.chunks[0], record.chunks[1]);
  EXPECT_NE(record.hash(), forward);
}

}  // namespace
}  // namespace desa2va::checkpoint
