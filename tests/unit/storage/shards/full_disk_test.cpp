#include "tests/support/full_disk_env.h"

#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::shards {
namespace {

using desa2va::test::FullDiskFileSystem;
using desa2va::test::SmallDisk;
using desa2va::test::TempDir;
using test::must;
using test::random_bytes;

// Fills the writer until something fails; what failed.
Error fill(ShardWriter& writer, const std::filesystem::path& dir) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto stored = writer.media(random_bytes(100000, i).bytes());
    if (!stored) return stored.error();
  }
  const auto finished = writer.finish();
  return finished ? fail(Errc::Internal, "{} was finished", dir.string()) : finished.error();
}

TEST(ShardWriterFullDisk, IsOverloadedNamesThePathAndPublishesNothing) {
  const TempDir dir;
  const auto file_system = std::make_shared<FullDiskFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(file_system);
  file_system->set_room(3 << 20);
  auto options = test::options();
  options.env = env.get();
  {
    auto writer = must(ShardWriter::create(dir / "d", options));
    const auto error = fill(writer, dir / "d");
    EXPECT_EQ(error.code(), Errc::Overloaded) << error.message();
    EXPECT_NE(error.message().find("media-00000.sst"), std::string::npos) << error.message();
    EXPECT_EQ(writer.finish().error().code(), Errc::Overloaded);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(ShardWriterFullDisk, RealFullFileSystemIsOverloadedToo) {
  const TempDir dir;
  const SmallDisk disk(dir.path(), 4U << 20U);
  if (!disk.mounted()) GTEST_SKIP() << disk.reason();
  {
    auto writer = must(ShardWriter::create(dir / "d", test::options()));
    const auto error = fill(writer, dir / "d");
    EXPECT_EQ(error.code(), Errc::Overloaded) << error.message();
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace desa2va::shards
