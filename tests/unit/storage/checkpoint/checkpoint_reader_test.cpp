#include "common/storage/checkpoint/checkpoint_reader.h"

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::random_tensor;
using test::same;
using test::save;

TEST(CheckpointReader, ReadsBackWhatWasSaved) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const test::Tensors tensors = {{"scalar", random_tensor({}, 1)},
                                 {"none", random_tensor({0, 3}, 2)},
                                 {"rows", random_tensor({1500, 2048}, 3)},
                                 {"wide", random_tensor({2, 3, 700000}, 4)}};
  must(save(catalog, 1, tensors));
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(1))));
  for (const auto& [name, tensor] : tensors)
    EXPECT_TRUE(same(must(reader.read(name)), tensor)) << name;
  EXPECT_GT(reader.manifest().find("rows")->chunks.size(), 1U);
}

TEST(CheckpointReader, RowsEqualThatPartOfTheWhole) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto tensor = random_tensor({3000, 1024}, 3);  // 12 MiB
  must(save(catalog, 1, {{"w", tensor}}));
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(1))));
  for (const auto& [first, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 3000}, {0, 1}, {2999, 1}, {999, 1002}, {3000, 0}}) {
    const auto rows = must(reader.read_rows("w", first, count));
    EXPECT_EQ(rows.shape, (std::vector<std::int64_t>{count, 1024}));
    const auto expected = tensor.data.bytes().subspan(static_cast<std::size_t>(first) * 4096,
                                                      static_cast<std::size_t>(count) * 4096);
    EXPECT_TRUE(as_text(rows.data.bytes()) == as_text(expected)) << first;
  }
  EXPECT_FALSE(reader.read_rows("w", 2999, 2));
  EXPECT_FALSE(reader.read_rows("w", -1, 2));
}

TEST(CheckpointReader, UnknownTensorIsNotFound) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  must(save(catalog, 1, {{"w", random_tensor({4}, 1)}}));
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(1))));
  EXPECT_EQ(reader.read("v").error().code(), Errc::NotFound);
}

TEST(CheckpointReader, MissingPartIsNamedWhenOpening) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto manifest = must(save(catalog, 1, {{"w", random_tensor({4}, 1)}}));
  std::filesystem::remove(dir / "parts/00000001-mllm-0.sst");
  const auto reader = CheckpointReader::open(dir.path(), manifest);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), Errc::NotFound) << reader.error().message();
  EXPECT_NE(reader.error().message().find("00000001-mllm-0.sst"), std::string::npos);
}

TEST(CheckpointReader, FlippedBitIsCorruptAndNamesTensorAndChunk) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto good = random_tensor({16}, 1);
  const auto manifest =
      must(save(catalog, 1, {{"good", good}, {"w", random_tensor({3000, 1024}, 3)}}));
  test::flip_bit(dir / "parts/00000001-mllm-0.sst", 6U << 20U);
  const auto reader = must(CheckpointReader::open(dir.path(), manifest));
  const auto result = reader.read("w");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::Corrupt);
  EXPECT_NE(result.error().message().find("tensor 'w': chunk 1 of 3"), std::string::npos)
      << result.error().message();
  EXPECT_TRUE(same(must(reader.read("good")), good));
}

}  // namespace
}  // namespace desa2va::checkpoint
