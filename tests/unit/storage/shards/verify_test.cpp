#include "common/storage/shards/verify.h"

#include <fmt/format.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::shards {
namespace {

using desa2va::test::TempDir;
using test::flip_bit;
using test::must;
using test::write_dataset;

TEST(ShardVerify, IntactDatasetHasNoDefects) {
  const TempDir dir;
  write_dataset(dir / "d", 5, 50000);
  const auto report = must(verify(dir / "d"));
  EXPECT_TRUE(report.defects.empty());
  EXPECT_EQ(report.dataset, "shapes");
  EXPECT_EQ(report.media, 5U);
  EXPECT_EQ(report.samples, 5U);
  EXPECT_GT(report.bytes, 100000U);
}

TEST(ShardVerify, NamesFileMediumAndTheSamplesThatNeedIt) {
  const TempDir dir;
  write_dataset(dir / "d", 5);
  flip_bit(dir / "d/media-00000.sst", 50000);  // in medium 2
  const auto report = must(verify(dir / "d"));
  ASSERT_EQ(report.defects.size(), 1U);
  EXPECT_EQ(report.defects[0].file, "media-00000.sst");
  EXPECT_TRUE(report.defects[0].key.starts_with("medium 2 (")) << report.defects[0].key;
  EXPECT_EQ(report.defects[0].samples, (std::vector<std::string>{"s2"}));
}

TEST(ShardVerify, NamesTheSamplesInADamagedBlock) {
  const TempDir dir;
  write_dataset(dir / "d", 3);
  flip_bit(dir / "d/samples-00000.sst", 30);
  const auto report = must(verify(dir / "d"));
  ASSERT_EQ(report.defects.size(), 3U);  // they share the block
  EXPECT_EQ(report.defects[0].file, "samples-00000.sst");
  EXPECT_EQ(report.defects[0].key, "sample 0");
}

TEST(ShardVerify, FindsEveryFlippedBitInEveryFile) {
  const TempDir dir;
  write_dataset(dir / "d", 2);
  const Random random(5, "test", "flip");
  std::uint64_t draw = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "d")) {
    const auto size = static_cast<std::uint32_t>(entry.file_size());
    // All of a small file's bytes near the end (tables and footer), and a sample of the rest.
    for (int i = 0; i < 60; ++i) {
      const auto byte = i < 30 ? random.below(draw++, size)
                               : size - 1 - random.below(draw++, std::min(size, 600U));
      const auto bit = random.below(draw++, 8);
      flip_bit(entry.path(), byte, bit);
      const auto report = must(verify(dir / "d"));
      EXPECT_FALSE(report.defects.empty()) << entry.path() << " byte " << byte << " bit " << bit;
      flip_bit(entry.path(), byte, bit);
    }
  }
  EXPECT_TRUE(must(verify(dir / "d")).defects.empty());
}

std::vector<std::string> lines(const VerifyReport& report) {
  std::vector<std::string> lines = {fmt::format("{} {} {} {} {}", report.dataset, report.files,
                                                report.bytes, report.samples, report.media)};
  for (const auto& defect : report.defects) {
    lines.push_back(defect.file + "|" + defect.key + "|" + defect.what);
    for (const auto& sample : defect.samples) lines.back() += "|" + sample;
  }
  return lines;
}

TEST(ShardVerify, AnyNumberOfThreadsGivesTheSameReport) {
  const TempDir dir;
  write_dataset(dir / "d", 300, 1U << 20U);  // several media files, several pieces of each
  const Random random(6, "test", "flip");
  std::uint64_t draw = 0;
  for (int round = 0; round < 4; ++round) {
    for (const auto& entry : std::filesystem::directory_iterator(dir / "d")) {
      if (entry.path().extension() != ".sst" || random.below(draw++, 2) == 0) continue;
      const auto size = static_cast<std::uint32_t>(entry.file_size());
      for (int i = 0; i < 3; ++i) flip_bit(entry.path(), random.below(draw++, size), i);
    }
    if (round == 3) std::filesystem::remove(dir / "d/media-00001.sst");
    const auto one = lines(must(verify(dir / "d", 1)));
    EXPECT_GT(one.size(), 1U);
    for (const unsigned threads : {2U, 5U, 16U})
      EXPECT_EQ(lines(must(verify(dir / "d", threads))), one) << threads << " threads";
  }
}

TEST(ShardVerify, MissingFileIsADefect) {
  const TempDir dir;
  write_dataset(dir / "d", 2);
  std::filesystem::remove(dir / "d/media-00000.sst");
  const auto report = must(verify(dir / "d"));
  ASSERT_FALSE(report.defects.empty());
  EXPECT_EQ(report.defects[0].file, "media-00000.sst");
}

TEST(ShardVerify, NoDatasetIsNotFound) {
  const TempDir dir;
  EXPECT_EQ(verify(dir / "none").error().code(), Errc::NotFound);
}

}  // namespace
}  // namespace desa2va::shards
