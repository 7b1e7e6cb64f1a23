#include "common/storage/checkpoint/catalog.h"

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::random_tensor;
using test::save;

std::vector<std::string> part_files(const std::filesystem::path& dir) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "parts")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Catalog, NewStoreHasNoCheckpoint) {
  const TempDir dir;
  const auto catalog = must(Catalog::open(dir / "new/store"));
  EXPECT_EQ(must(catalog.last_step()), std::nullopt);
  EXPECT_TRUE(must(catalog.list()).empty());
  const auto missing = catalog.load(3);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::NotFound);
  EXPECT_NE(missing.error().message().find("none"), std::string::npos);
}

TEST(Catalog, CommittedManifestIsThereAfterReopening) {
  const TempDir dir;
  Manifest written;
  {
    auto catalog = must(Catalog::open(dir.path()));
    written = must(save(catalog, 3, {{"w", random_tensor({4, 4}, 1)}}));
    must(save(catalog, 12, {{"w", random_tensor({4, 4}, 2)}}));
  }
  const auto catalog = must(Catalog::open(dir.path()));
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{3, 12}));
  EXPECT_EQ(must(catalog.load(3)), written);
  const auto list = must(catalog.list());
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].step, 12U);
  EXPECT_EQ(list[1].phase, Phase::B);
  EXPECT_EQ(list[1].bytes, 64U);
}

TEST(Catalog, SecondWriterIsRefusedWhileTheFirstLives) {
  const TempDir dir;
  const auto first = must(Catalog::open(dir.path()));
  const auto second = Catalog::open(dir.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::Unavailable) << second.error().message();
}

TEST(Catalog, ReadOnlySeesWhatWasCommittedBesideALiveWriter) {
  const TempDir dir;
  auto writer = must(Catalog::open(dir.path()));
  must(save(writer, 1, {{"w", random_tensor({2}, 1)}}));
  auto early = must(Catalog::open_read_only(dir.path()));
  must(save(writer, 2, {{"w", random_tensor({2}, 2)}}));
  const auto late = must(Catalog::open_read_only(dir.path()));
  EXPECT_EQ(must(early.steps()), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(must(late.steps()), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_FALSE(early.commit(Manifest{}));
}

TEST(Catalog, ReadOnlyOfAnEmptyFolderIsNotFoundAndMakesNothing) {
  const TempDir dir;
  const auto catalog = Catalog::open_read_only(dir / "nothing");
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().code(), Errc::NotFound);
  EXPECT_FALSE(std::filesystem::exists(dir / "nothing"));
}

TEST(Catalog, CommitNamesAPartThatIsNotThere) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  auto manifest = must(save(catalog, 1, {{"w", random_tensor({2}, 1)}}));
  std::filesystem::remove(dir / "parts/00000001-mllm-0.sst");
  manifest.step = 2;
  const auto result = catalog.commit(manifest);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::NotFound);
  EXPECT_NE(result.error().message().find("00000001-mllm-0.sst"), std::string::npos);
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{1}));
}

TEST(CatalogGc, KeepsTheNewestAndEveryPartTheyStillName) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  const auto frozen = random_tensor({8, 8}, 9);
  for (std::uint64_t step = 1; step <= 4; ++step) {
    must(save(catalog, step,
              {{"frozen", frozen}, {"w", random_tensor({8}, static_cast<std::uint32_t>(step))}}));
  }
  const auto report = must(catalog.gc(2));
  EXPECT_EQ(report.manifests, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(report.parts, (std::vector<std::string>{"00000002-mllm-0.sst"}));
  EXPECT_GT(report.bytes, 0U);
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{3, 4}));
  // Part 1 holds the frozen tensor that 3 and 4 refer to.
  EXPECT_EQ(part_files(dir.path()),
            (std::vector<std::string>{"00000001-mllm-0.sst", "00000003-mllm-0.sst",
                                      "00000004-mllm-0.sst"}));
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(4))));
  EXPECT_TRUE(test::same(must(reader.read("frozen")), frozen));
}

TEST(CatalogGc, StepsNamedBesideTheNewestStay) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  for (std::uint64_t step = 1; step <= 5; ++step)
    must(save(catalog, step, {{"w", random_tensor({8}, static_cast<std::uint32_t>(step))}}));
  const std::vector<std::uint64_t> also = {2, 9};
  must(catalog.gc(1, also));
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{2, 5}));
  EXPECT_EQ(part_files(dir.path()),
            (std::vector<std::string>{"00000002-mllm-0.sst", "00000005-mllm-0.sst"}));
}

TEST(CatalogGc, RemovesOrphansOfCrashedSavesButNothingOfALaterStep) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  must(save(catalog, 5, {{"w", random_tensor({8}, 1)}}));
  for (const auto* name : {"00000004-sam2-0.sst", "00000005-sam2-0.99-1.tmp", "00000006-sam2-0.sst",
                           "00000006-sam2-0.99-2.tmp", "notes.txt"}) {
    std::ofstream(dir / "parts" / name) << "x";
  }
  const auto report = must(catalog.gc(3));
  EXPECT_TRUE(report.manifests.empty());
  EXPECT_EQ(part_files(dir.path()),
            (std::vector<std::string>{"00000005-mllm-0.sst", "00000006-sam2-0.99-2.tmp",
                                      "00000006-sam2-0.sst", "notes.txt"}));
}

TEST(CatalogGc, RefusesToKeepNothing) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  EXPECT_FALSE(catalog.gc(0));
}

TEST(Catalog, DropAfterForgetsLaterSteps) {
  const TempDir dir;
  auto catalog = must(Catalog::open(dir.path()));
  for (std::uint64_t step = 1; step <= 3; ++step) must(save(catalog, step, {}));
  must(catalog.drop_after(1));
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{1}));
}

TEST(Catalog, DamagedTableIsCorruptAndNeverAnOlderCheckpoint) {
  const TempDir dir;
  {
    auto catalog = must(Catalog::open(dir.path()));
    must(save(catalog, 1, {{"w", random_tensor({4}, 1)}}));
  }
  for (const auto& entry : std::filesystem::directory_iterator(dir / "catalog")) {
    if (entry.path().extension() == ".sst") test::flip_bit(entry.path(), 20);
  }
  const auto catalog = Catalog::open_read_only(dir.path());
  if (!catalog) {
    EXPECT_EQ(catalog.error().code(), Errc::Corrupt) << catalog.error().message();
    return;
  }
  const auto manifest = catalog->load(1);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code(), Errc::Corrupt) << manifest.error().message();
}

}  // namespace
}  // namespace desa2va::checkpoint
