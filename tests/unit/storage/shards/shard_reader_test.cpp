#include "common/storage/shards/shard_reader.h"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::shards {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::random_bytes;
using test::record;
using test::write_dataset;

TEST(ShardReader, ReadsBackWhatWasWritten) {
  const TempDir dir;
  write_dataset(dir / "d", 5);
  const auto reader = must(ShardReader::open(dir / "d"));
  EXPECT_EQ(reader.catalog().dataset, "shapes");
  EXPECT_EQ(reader.catalog().numerics.at("jpeg"), "islow");
  EXPECT_EQ(reader.sample_count(), 5U);
  EXPECT_EQ(reader.usable(), (std::vector<std::uint64_t>{0, 2, 3, 4}));
  ASSERT_EQ(reader.catalog().broken.size(), 1U);
  EXPECT_EQ(reader.catalog().broken[0].reason, "cannot be decoded");
  EXPECT_EQ(reader.catalog().text.bytes, 10 + 12 + 13 + 14);
  EXPECT_EQ(reader.catalog().text.longest_bytes, 14);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto sample = must(reader.sample(i));
    EXPECT_EQ(sample.key, "s" + std::to_string(i));
    EXPECT_EQ(as_text(sample.payload.bytes()), "payload " + std::to_string(i));
    EXPECT_EQ(sample.broken.empty(), i != 1);
    EXPECT_EQ(reader.cost(i).frames, i);
    EXPECT_EQ(reader.cost(i).tokens, -1);
    const auto bytes = must(reader.media(sample.media.at(0)));
    EXPECT_TRUE(as_text(bytes.bytes()) == as_text(random_bytes(20000, i).bytes()));
  }
  EXPECT_EQ(reader.sample(5).error().code(), Errc::NotFound);
  EXPECT_EQ(reader.media({1, 2}).error().code(), Errc::NotFound);
}

TEST(ShardReader, EmptyDatasetIsReadable) {
  const TempDir dir;
  write_dataset(dir / "d", 0);
  const auto reader = must(ShardReader::open(dir / "d"));
  EXPECT_EQ(reader.sample_count(), 0U);
  EXPECT_TRUE(reader.usable().empty());
  EXPECT_EQ(reader.sample(0).error().code(), Errc::NotFound);
}

TEST(ShardReader, FindsEverythingAcrossManyFiles) {
  const TempDir dir;
  const auto catalog = write_dataset(dir / "d", 40, /*max_file_bytes=*/100000);
  EXPECT_GT(catalog.files.size(), 5U);
  const auto reader = must(ShardReader::open(dir / "d"));
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto bytes = must(reader.media(must(reader.sample(i)).media.at(0)));
    EXPECT_TRUE(as_text(bytes.bytes()) == as_text(random_bytes(20000, i).bytes()));
  }
}

TEST(ShardReader, CostsOfMoreSamplesThanOneEntryHoldsAreComplete) {
  const TempDir dir;
  auto writer = must(ShardWriter::create(dir / "d", test::options()));
  for (int i = 0; i < 9000; ++i) {
    SampleCost cost;
    cost.tokens = i;
    must(writer.sample(record(std::to_string(i), {}, "x"), cost));
  }
  must(writer.finish());
  const auto reader = must(ShardReader::open(dir / "d"));
  for (const std::uint64_t i : {0, 4095, 4096, 8191, 8192, 8999}) {
    EXPECT_EQ(reader.cost(i).tokens, static_cast<std::int64_t>(i));
  }
}

TEST(ShardReader, FrameIndexComesBackForTheVideoItBelongsTo) {
  const TempDir dir;
  auto writer = must(ShardWriter::create(dir / "d", test::options()));
  const auto image = must(writer.media(random_bytes(10, 1).bytes()));
  const auto video = must(writer.media(random_bytes(10, 2).bytes()));
  must(writer.frame_index(video, as_bytes("first")));
  must(writer.frame_index(video, as_bytes("frames")));
  must(writer.finish());
  const auto reader = must(ShardReader::open(dir / "d"));
  EXPECT_EQ(must(reader.frame_index(image)), std::nullopt);
  EXPECT_EQ(as_text(must(reader.frame_index(video))->bytes()), "frames");
}

TEST(ShardReader, ManyThreadsMayReadAtOnce) {
  const TempDir dir;
  write_dataset(dir / "d", 8);
  const auto reader = must(ShardReader::open(dir / "d"));
  std::vector<int> good(4);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 64; ++i) {
        const auto sample = reader.sample((i + t) % 8);
        if (sample && reader.media(sample->media.at(0))) ++good[t];
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, (std::vector<int>{64, 64, 64, 64}));
}

TEST(ShardReader, FlippedBitInAMediumIsCorruptAndNamesDatasetFileAndHash) {
  const TempDir dir;
  write_dataset(dir / "d", 3);
  test::flip_bit(dir / "d/media-00000.sst", 30000);
  const auto reader = must(ShardReader::open(dir / "d"));
  const auto hash = must(reader.sample(1)).media.at(0);
  const auto result = reader.media(hash);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::Corrupt);
  for (const auto& part :
       {std::string("dataset 'shapes'"), hash.hex(), std::string("media-00000.sst")}) {
    EXPECT_NE(result.error().message().find(part), std::string::npos) << result.error().message();
  }
  EXPECT_TRUE(reader.media(must(reader.sample(0)).media.at(0)));  // the rest stays readable
}

TEST(ShardReader, TruncatedFileIsReportedAsCorrupt) {
  const TempDir dir;
  write_dataset(dir / "d", 3);
  std::filesystem::resize_file(dir / "d/media-00000.sst", 30000);
  const auto reader = ShardReader::open(dir / "d");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), Errc::Corrupt) << reader.error().message();
  EXPECT_NE(reader.error().message().find("media-00000.sst"), std::string::npos);
}

TEST(ShardReader, DamagedCatalogIsCorruptAndMissingOneNotFound) {
  const TempDir dir;
  write_dataset(dir / "d", 3);
  test::flip_bit(dir / "d/catalog.json", 60);
  EXPECT_EQ(ShardReader::open(dir / "d").error().code(), Errc::Corrupt);
  EXPECT_EQ(ShardReader::open(dir / "none").error().code(), Errc::NotFound);
}

TEST(ShardReader, NewerFormatIsRefusedAsSuch) {
  const TempDir dir;
  write_dataset(dir / "d", 1);
  std::ifstream in(dir / "d/catalog.json");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.replace(text.find("\"version\": 1"), 12, "\"version\": 2");
  std::ofstream(dir / "d/catalog.json") << text;
  std::ofstream(dir / "d/checksums.xxh3")
      << content_hash(as_bytes(text)).hex() << "  catalog.json\n";
  const auto reader = ShardReader::open(dir / "d");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code(), Errc::InvalidArgument);
  EXPECT_NE(reader.error().message().find("version 2"), std::string::npos);
}

TEST(ShardReader, ACopyIsReadByManyProcessesAtOnceAndNothingIsWritten) {
  const TempDir dir;
  test::write_dataset(dir / "d", 12, 50000);
  std::filesystem::copy(dir / "d", dir / "copy", std::filesystem::copy_options::recursive);
  const auto before = std::filesystem::last_write_time(dir / "copy");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    const auto reader = ShardReader::open(dir / "copy");
    for (std::uint64_t number = 0; number < 12; ++number) {
      const auto sample = reader->sample(number);
      if (!sample || !reader->media(sample->media[0])) ::_exit(1);
    }
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(std::filesystem::last_write_time(dir / "copy"), before);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir / "copy"))
    ++files;
  EXPECT_EQ(files, must(ShardReader::open(dir / "copy")).catalog().files.size() + 2);
}

TEST(ShardReader, DamagedMediumNamesItsFileThoughItIsReadPastRocksDb) {
  const TempDir dir;
  test::write_dataset(dir / "d", 3);
  const auto reader = must(ShardReader::open(dir / "d"));
  const auto hash = must(reader.sample(1)).media[0];
  const auto whole = must(reader.media(hash));
  test::flip_bit(dir / "d/media-00000.sst", 25000);  // in the value of medium 1
  const auto damaged = reader.media(hash);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), Errc::Corrupt);
  EXPECT_NE(damaged.error().message().find("media-00000.sst"), std::string::npos);
  test::flip_bit(dir / "d/media-00000.sst", 25000);
  EXPECT_EQ(as_text(must(reader.media(hash)).bytes()), as_text(whole.bytes()));
}

}  // namespace
}  // namespace desa2va::shards
