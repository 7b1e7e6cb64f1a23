#include "common/storage/checkpoint/compare.h"

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::random_tensor;
using test::save;

TEST(Diff, EqualContentIsIdenticalWhoeverSavedItAndWherever) {
  const TempDir dir;
  auto a = must(Catalog::open(dir / "a"));
  auto b = must(Catalog::open(dir / "b"));
  const auto tensor = random_tensor({3000, 1024}, 1);
  must(save(a, 1, {{"w", random_tensor({4}, 2)}}));
  const auto left = must(save(a, 2, {{"w", tensor}, {"v", random_tensor({4}, 2)}}));
  const auto right = must(save(b, 3, {{"v", random_tensor({4}, 2)}, {"w", tensor}}));
  const auto report = diff(left, right);
  EXPECT_TRUE(report.differences.empty());
  EXPECT_EQ(report.compared, 2U);
  ASSERT_EQ(report.notes.size(), 2U);  // step and position: shown, not counted
  EXPECT_EQ(report.notes[0].name, "step");
  EXPECT_EQ(report.notes[0].what, "2 against 3");
}

TEST(Diff, NamesEveryKindOfDifference) {
  Manifest a;
  Manifest b;
  const auto add = [](Manifest& to, std::string name, DType type, std::vector<std::int64_t> shape,
                      std::uint64_t hash) {
    to.tensors.push_back({std::move(name), type, std::move(shape), "r", {{{hash, 0}, 4, 0, "p"}}});
  };
  add(a, "content", DType::F32, {1}, 1);
  add(b, "content", DType::F32, {1}, 2);
  add(a, "dtype", DType::F32, {1}, 1);
  add(b, "dtype", DType::I32, {1}, 1);
  add(a, "left", DType::F32, {1}, 1);
  add(b, "right", DType::F32, {1}, 1);
  add(a, "shape", DType::F32, {1, 1}, 1);
  add(b, "shape", DType::F32, {1}, 1);
  a.blobs = {{"fifo", "abc"}};
  b.blobs = {{"fifo", "abd"}};
  const auto report = diff(a, b);
  std::map<std::string, std::string> what;
  for (const auto& difference : report.differences) what[difference.name] = difference.what;
  EXPECT_EQ(what, (std::map<std::string, std::string>{
                      {"content", "1 of 1 chunks differ, the first is chunk 0"},
                      {"dtype", "dtype f32 against i32"},
                      {"left", "only in A"},
                      {"right", "only in B"},
                      {"shape", "shape [1, 1] against [1]"},
                      {"fifo", "3 and 3 bytes that differ"}}));
}

TEST(Verify, IntactStoreHasNoDefectsAndSharedChunksAreReadOnce) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto frozen = random_tensor({16}, 1);
  must(save(catalog, 1, {{"f", frozen}, {"w", random_tensor({4}, 2)}}));
  must(save(catalog, 2, {{"f", frozen}, {"w", random_tensor({4}, 3)}}));
  const auto report = must(verify(dir.path()));
  EXPECT_TRUE(report.defects.empty());
  EXPECT_EQ(report.checkpoints, 2U);
  EXPECT_EQ(report.tensors, 4U);
  EXPECT_EQ(report.chunks, 3U);
}

TEST(Verify, NamesTensorAndChunkOfAnyFlippedBitInTheData) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto manifest =
      must(save(catalog, 1, {{"a", random_tensor({64}, 1)}, {"b", random_tensor({64}, 2)}}));
  const auto part = dir / "parts/00000001-mllm-0.sst";
  // Two entries of 256 bytes and their block framing come first in the file.
  for (std::uint64_t byte = 8; byte < 500; byte += 7) {
    test::flip_bit(part, byte);
    const auto report = must(verify(dir.path()));
    ASSERT_FALSE(report.defects.empty()) << byte;
    EXPECT_TRUE(report.defects[0].tensor == "a" || report.defects[0].tensor == "b");
    EXPECT_EQ(report.defects[0].part, "00000001-mllm-0.sst");
    test::flip_bit(part, byte);
  }
  EXPECT_TRUE(must(verify(dir.path())).defects.empty());
}

TEST(Verify, UnknownStepIsNotFound) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  must(save(catalog, 1, {}));
  EXPECT_EQ(verify(dir.path(), 7).error().code(), Errc::NotFound);
}

TEST(Address, FindsStoreAndStepFromRunDirectoryOrStore) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir / "run/checkpoints"));
  must(save(catalog, 4, {}));
  must(save(catalog, 9, {}));
  const auto run = (dir / "run").string();
  EXPECT_EQ(must(parse_address(run)).store, dir / "run/checkpoints");
  EXPECT_EQ(must(parse_address(run)).step, std::nullopt);
  EXPECT_EQ(must(parse_address(run + "@4")).step, 4U);
  EXPECT_EQ(must(parse_address(run + "/checkpoints@9")).step, 9U);
  EXPECT_EQ(must(load(must(parse_address(run)))).step, 9U);
  EXPECT_EQ(must(load(must(parse_address(run + "@4")))).step, 4U);
  EXPECT_EQ(parse_address(run + "@x").error().code(), Errc::InvalidArgument);
  EXPECT_EQ(parse_address((dir / "nowhere").string()).error().code(), Errc::NotFound);
}

}  // namespace
}  // namespace desa2va::checkpoint
