#include "common/storage/checkpoint/part_writer.h"

#include <cstring>

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::random_tensor;

std::size_t files_in(const std::filesystem::path& dir) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir), {}));
}

TEST(PartWriter, WritesEqualChunksOnce) {
  const TempDir dir;
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
  const auto tensor = random_tensor({16}, 1);
  must(writer.add("a", tensor));
  must(writer.add("b", tensor));
  const auto receipt = must(writer.finish());
  EXPECT_EQ(receipt.written_bytes, 64U);
  EXPECT_EQ(receipt.reused_bytes, 64U);
  EXPECT_EQ(receipt.part, "00000001-mllm-0.sst");
  EXPECT_EQ(receipt.tensors[0].chunks, receipt.tensors[1].chunks);
}

TEST(PartWriter, ATensorThatComesPieceByPieceIsTheSameAsAtOnce) {
  const TempDir dir;
  const auto tensor = random_tensor({3000, 1000}, 1);  // 12 MB: several chunks
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
  must(writer.add("whole", tensor));
  std::size_t largest = 0;
  must(writer.add("pieces", tensor.dtype, tensor.shape,
                  [&](std::uint64_t first, MutableByteSpan out) -> Result<void> {
                    largest = std::max(largest, out.size());
                    std::memcpy(out.data(), tensor.data.data() + first, out.size());
                    return {};
                  }));
  const auto receipt = must(writer.finish());
  EXPECT_EQ(receipt.tensors[0].chunks, receipt.tensors[1].chunks);
  EXPECT_LE(largest, 4U << 20U);
}

TEST(PartWriter, AFailedPieceIsTheSavesFailure) {
  const TempDir dir;
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
  const auto failing = [](std::uint64_t, MutableByteSpan) -> Result<void> {
    return fail(Errc::Corrupt, "the source ends");
  };
  EXPECT_EQ(writer.add("w", DType::F32, {2, 3}, failing).error().code(), Errc::Corrupt);
  EXPECT_EQ(writer.finish().error().code(), Errc::Corrupt);
  EXPECT_EQ(files_in(dir / "parts"), 0U);
}

TEST(PartWriter, MakesNoFileWhenEveryChunkIsKnown) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto tensor = random_tensor({16}, 1);
  const auto committed = must(test::save(catalog, 1, {{"w", tensor}}));
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 2, known_chunks(committed)));
  must(writer.add("w", tensor));
  const auto receipt = must(writer.finish());
  EXPECT_EQ(receipt.part, "");
  EXPECT_EQ(receipt.written_bytes, 0U);
  EXPECT_EQ(receipt.tensors, committed.tensors);
  EXPECT_EQ(files_in(dir / "parts"), 1U);
}

TEST(PartWriter, KnownChunkWhosePartIsGoneIsWrittenAgain) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto tensor = random_tensor({16}, 1);
  const auto first = must(test::save(catalog, 1, {{"w", tensor}}));
  must(test::save(catalog, 2, {{"w", random_tensor({16}, 2)}}));
  must(catalog.gc(1));  // takes the part of step 1
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 3, known_chunks(first)));
  must(writer.add("w", tensor));
  Manifest manifest;
  manifest.step = 3;
  must(manifest.add(must(writer.finish())));
  must(catalog.commit(manifest));
  const auto reader = must(CheckpointReader::open(dir.path(), manifest));
  EXPECT_TRUE(test::same(must(reader.read("w")), tensor));
}

TEST(PartWriter, UnchangedTensorIsReferenced) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto committed = must(test::save(catalog, 1, {{"w", random_tensor({16}, 1)}}));
  auto writer = must(PartWriter::create(dir.path(), "mllm-1", 2, known_chunks(committed)));
  must(writer.add_unchanged(committed.tensors[0]));
  const auto receipt = must(writer.finish());
  EXPECT_EQ(receipt.tensors[0].chunks, committed.tensors[0].chunks);
  EXPECT_EQ(receipt.tensors[0].owner, "mllm-1");
}

TEST(PartWriter, SecondAttemptAtAStepLeavesTheFirstAlone) {
  const TempDir dir;
  std::vector<std::string> parts;
  for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
    auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
    must(writer.add("w", random_tensor({4}, attempt)));
    parts.push_back(must(writer.finish()).part);
  }
  EXPECT_EQ(parts, (std::vector<std::string>{"00000001-mllm-0.sst", "00000001-mllm-0.1.sst",
                                             "00000001-mllm-0.2.sst"}));
}

TEST(PartWriter, DroppedWriterLeavesNoFile) {
  const TempDir dir;
  {
    auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
    must(writer.add("w", random_tensor({1024, 1024}, 1)));
  }
  EXPECT_EQ(files_in(dir / "parts"), 0U);
}

TEST(PartWriter, RefusesATensorWhoseBytesDoNotFitItsShape) {
  const TempDir dir;
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 1, {}));
  HostTensor tensor = random_tensor({4}, 1);
  tensor.shape = {5};
  const auto result = writer.add("w", tensor);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::InvalidArgument);
  EXPECT_NE(result.error().message().find("'w' is f32[5] and has 16 bytes instead of 20"),
            std::string::npos)
      << result.error().message();
  EXPECT_FALSE(writer.finish());  // the failure sticks
}

TEST(PartWriter, ReceiptSurvivesTheJourney) {
  const TempDir dir;
  auto writer = must(PartWriter::create(dir.path(), "decoupler-0", 7, {}));
  must(writer.add("w", random_tensor({3, 5}, 1)));
  must(writer.add_blob("counters", as_bytes("abc")));
  const auto receipt = must(writer.finish());
  const auto back = must(decode_receipt(encode(receipt).bytes()));
  EXPECT_EQ(back.rank, "decoupler-0");
  EXPECT_EQ(back.step, 7U);
  EXPECT_EQ(back.part, receipt.part);
  EXPECT_EQ(back.tensors, receipt.tensors);
  EXPECT_EQ(back.blobs.at("counters"), "abc");
}

}  // namespace
}  // namespace desa2va::checkpoint
