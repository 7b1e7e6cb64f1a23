#include <filesystem>

#include "tests/support/full_disk_env.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

namespace desa2va::checkpoint {
namespace {

using desa2va::test::FullDiskFileSystem;
using desa2va::test::SmallDisk;
using desa2va::test::TempDir;
using test::must;
using test::random_tensor;
using test::save;

TEST(FullDisk, SaveIsOverloadedNamesThePathAndLeavesTheLastCheckpointIntact) {
  const TempDir dir;
  const auto file_system = std::make_shared<FullDiskFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(file_system);
  auto catalog = must(Catalog::open(dir.path()));
  const auto tensor = random_tensor({64}, 1);
  must(save(catalog, 1, {{"w", tensor}}));

  file_system->set_room(5 << 20);
  auto writer = must(PartWriter::create(dir.path(), "mllm-0", 2, {}, env.get()));
  Result<void> added;
  for (int i = 0; i < 10 && added; ++i) {
    added = writer.add("t" + std::to_string(i),
                       random_tensor({1 << 18}, 100U + static_cast<unsigned>(i)));
  }
  const auto finished = added ? writer.finish() : Result<PartReceipt>(added.error());
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), Errc::Overloaded);
  EXPECT_NE(finished.error().message().find(dir.path().string()), std::string::npos)
      << finished.error().message();
  EXPECT_EQ(writer.finish().error().code(), Errc::Overloaded);  // the failure sticks

  // The torn file gave its space back at once, and the older checkpoint reads well.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir / "parts"), {}), 1);
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(1))));
  EXPECT_TRUE(test::same(must(reader.read("w")), tensor));
  must(save(catalog, 2, {{"w", random_tensor({64}, 2)}}));  // and the next save works
}

TEST(FullDisk, FailedCommitLosesNothingAndALaterOneWorks) {
  const TempDir dir;
  const auto file_system = std::make_shared<FullDiskFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(file_system);
  auto catalog = must(Catalog::open(dir.path(), env.get()));
  must(save(catalog, 1, {{"w", random_tensor({64}, 1)}}));
  file_system->set_room(10);
  const auto result = save(catalog, 2, {{"w", random_tensor({64}, 2)}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::Overloaded) << result.error().message();
  EXPECT_EQ(must(must(Catalog::open_read_only(dir.path())).steps()),
            (std::vector<std::uint64_t>{1}));

  file_system->set_room(1LL << 40);
  Manifest manifest;
  manifest.step = 3;
  must(catalog.commit(manifest));
  EXPECT_EQ(must(catalog.steps()), (std::vector<std::uint64_t>{1, 3}));
}

TEST(FullDisk, RealFullFileSystemIsOverloadedAndTheLastCheckpointIntact) {
  const TempDir dir;
  const SmallDisk disk(dir.path(), 8U << 20U);
  if (!disk.mounted()) GTEST_SKIP() << disk.reason();
  auto catalog = must(Catalog::open(dir.path()));
  const auto tensor = random_tensor({64}, 1);
  must(save(catalog, 1, {{"w", tensor}}));
  const auto result = save(catalog, 2, {{"w", random_tensor({4 << 20}, 2)}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::Overloaded) << result.error().message();
  EXPECT_EQ(must(catalog.last_step()), 1U);
  const auto reader = must(CheckpointReader::open(dir.path(), must(catalog.load(1))));
  EXPECT_TRUE(test::same(must(reader.read("w")), tensor));
  must(save(catalog, 3, {{"w", random_tensor({64}, 3)}}));
}

}  // namespace
}  // namespace desa2va::checkpoint
