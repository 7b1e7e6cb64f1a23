#include "common/storage/shards/shard_writer.h"

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::shards {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::options;
using test::random_bytes;
using test::record;

std::size_t entries_in(const std::filesystem::path& dir) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir), {}));
}

TEST(ShardWriter, StoresEqualMediaOnce) {
  const TempDir dir;
  auto writer = must(ShardWriter::create(dir / "d", options()));
  const auto a = must(writer.media(random_bytes(100, 1).bytes()));
  const auto b = must(writer.media(random_bytes(100, 2).bytes()));
  EXPECT_EQ(must(writer.media(random_bytes(100, 1).bytes())), a);
  EXPECT_NE(a, b);
  const auto catalog = must(writer.finish());
  EXPECT_EQ(catalog.media, 2U);
  EXPECT_EQ(catalog.media_bytes, 200U);
}

TEST(ShardWriter, NothingIsVisibleBeforeFinish) {
  const TempDir dir;
  auto writer = must(ShardWriter::create(dir / "d", options()));
  must(writer.media(random_bytes(100, 1).bytes()));
  EXPECT_FALSE(std::filesystem::exists(dir / "d"));
  EXPECT_EQ(ShardReader::open(dir / "d").error().code(), Errc::NotFound);
  must(writer.finish());
  EXPECT_TRUE(ShardReader::open(dir / "d"));
  EXPECT_EQ(entries_in(dir.path()), 1U);
}

TEST(ShardWriter, DroppedWriterLeavesNothing) {
  const TempDir dir;
  {
    auto writer = must(ShardWriter::create(dir / "d", options()));
    must(writer.media(random_bytes(100, 1).bytes()));
  }
  EXPECT_EQ(entries_in(dir.path()), 0U);
}

TEST(ShardWriter, RemovesTheRestOfADeadWriterAndSparesALiveOne) {
  const TempDir dir;
  auto live = must(ShardWriter::create(dir / "d", options()));
  std::filesystem::create_directory(dir / ".d.partial-dead01");
  std::ofstream(dir / ".d.partial-dead01" / "lock");
  std::ofstream(dir / ".d.partial-dead01" / "media-00000.sst") << "torn";
  auto second = must(ShardWriter::create(dir / "d", options()));
  EXPECT_FALSE(std::filesystem::exists(dir / ".d.partial-dead01"));
  must(live.finish());
  const auto late = second.finish();  // the first to finish wins
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::InvalidArgument);
}

TEST(ShardWriter, AWriterKilledWhilePublishingIsDeadToo) {
  const TempDir dir;
  std::filesystem::create_directory(dir / ".d.partial-dead01");
  std::ofstream(dir / ".d.partial-dead01" / "catalog.json") << "{}";  // its lock is gone already
  auto resumed = options();
  resumed.resume_as = "the same words";  // which refuses to start beside a live writer
  auto writer = must(ShardWriter::create(dir / "d", resumed));
  EXPECT_FALSE(std::filesystem::exists(dir / ".d.partial-dead01"));
  must(writer.finish());
  EXPECT_EQ(entries_in(dir.path()), 1U);
}

TEST(ShardWriter, RefusesAnExistingDatasetUnlessToldToReplaceIt) {
  const TempDir dir;
  test::write_dataset(dir / "d", 3);
  EXPECT_EQ(ShardWriter::create(dir / "d", options()).error().code(), Errc::InvalidArgument);
  auto again = options();
  again.replace = true;
  auto writer = must(ShardWriter::create(dir / "d", again));
  EXPECT_EQ(must(ShardReader::open(dir / "d")).sample_count(), 3U);  // the old one until the end
  must(writer.finish());
  EXPECT_EQ(must(ShardReader::open(dir / "d")).sample_count(), 0U);
  EXPECT_EQ(entries_in(dir.path()), 1U);
}

TEST(ShardWriter, RefusesUnknownMediaAndRepeatedKeys) {
  const TempDir dir;
  {
    auto writer = must(ShardWriter::create(dir / "d", options()));
    const auto result = writer.sample(record("s", {{1, 2}}, "x"), {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::InvalidArgument);
    EXPECT_FALSE(writer.finish());  // the failure sticks
  }
  auto writer = must(ShardWriter::create(dir / "d", options()));
  must(writer.sample(record("s", {}, "x"), {}));
  EXPECT_FALSE(writer.sample(record("s", {}, "y"), {}));
  EXPECT_FALSE(std::filesystem::exists(dir / "d"));
}

TEST(ShardWriter, RefusesEmptyMedia) {
  const TempDir dir;
  auto writer = must(ShardWriter::create(dir / "d", options()));
  EXPECT_EQ(writer.media({}).error().code(), Errc::InvalidArgument);
}

TEST(ShardWriter, ChecksumFileListsEveryFileInTheFormOfXxhsum) {
  const TempDir dir;
  const auto catalog = test::write_dataset(dir / "d", 3);
  std::ifstream file(dir / "d/checksums.xxh3");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(lines[0].ends_with("  catalog.json"));
  EXPECT_EQ(lines[1], catalog.files[0].hash.hex() + "  media-00000.sst");
  EXPECT_TRUE(lines[3].ends_with("  index.sst"));
}

}  // namespace
}  // namespace desa2va::shards
