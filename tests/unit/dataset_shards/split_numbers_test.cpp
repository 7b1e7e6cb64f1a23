#include "common/datasets/split_numbers.h"

#include <gtest/gtest.h>

#include "common/storage/shards/shard_writer.h"
#include "tests/support/temp_dir.h"

namespace desa2va::datasets {
namespace {

std::vector<std::uint64_t> list(const Numbers& numbers) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < numbers.size(); ++i) all.push_back(numbers[i]);
  return all;
}

using List = std::vector<std::uint64_t>;

TEST(Numbers, AStretchLeavesOutTheBrokenOnesInIt) {
  const std::vector<shards::BrokenSample> broken = {
      {1, "", ""}, {4, "", ""}, {5, "", ""}, {9, "", ""}, {30, "", ""}};
  EXPECT_EQ(list(Numbers(0, 12, broken)), (List{0, 2, 3, 6, 7, 8, 10, 11}));
  EXPECT_EQ(list(Numbers(4, 10, broken)), (List{6, 7, 8}));
  EXPECT_EQ(list(Numbers(4, 6, broken)), List{});
  EXPECT_EQ(list(Numbers(2, 4, {})), (List{2, 3}));
  Numbers few(0, 12, broken);
  few.keep(3);
  EXPECT_EQ(list(few), (List{0, 2, 3}));
  few.keep(30);
  EXPECT_EQ(few.size(), 3U);
}

// A shard of two splits; `facts` is what its importer said of them.
shards::ShardReader shard(const std::filesystem::path& dir, const std::vector<std::string>& splits,
                          std::map<std::string, std::string> facts) {
  shards::WriterOptions options;
  options.dataset = options.kind = "set";
  options.created_by = "test";
  options.facts = std::move(facts);
  auto writer = shards::ShardWriter::create(dir, options).value();
  for (std::size_t i = 0; i < splits.size(); ++i) {
    shards::SampleRecord record;
    record.key = fmt::format("set/{}/{}", splits[i], i);
    record.payload = Buffer::copy_of(as_bytes("x"));
    if (i == 2) record.broken = "broken";
    EXPECT_TRUE(writer.sample(record, {}));
  }
  EXPECT_TRUE(writer.finish());
  return shards::ShardReader::open(dir).value();
}

TEST(Numbers, ASplitIsFoundByTheImportersAccountAndWithoutIt) {
  const test::TempDir dir;
  const std::vector<std::string> splits = {"train", "train", "train", "val", "val", "test"};
  const std::map<std::string, std::string> facts = {{"splits", "train val test"},
                                                    {"split/train", "3 samples, 9 expressions"},
                                                    {"split/val", "2 samples, 2 expressions"},
                                                    {"split/test", "1 samples, 2 expressions"}};
  int number = 0;
  for (const auto& told : {facts, {{"splits", "train val test"}}, {}}) {
    const auto reader = shard(dir / std::to_string(number++), splits, told);
    EXPECT_EQ(list(numbers_of_split(reader, "train").value()), (List{0, 1}));
    EXPECT_EQ(list(numbers_of_split(reader, "val").value()), (List{3, 4}));
    EXPECT_EQ(list(numbers_of_split(reader, "test").value()), (List{5}));
    EXPECT_EQ(list(numbers_of_split(reader, "testA").value()), List{});
    EXPECT_EQ(list(numbers_of_split(reader, "").value()), (List{0, 1, 3, 4, 5}));
  }
}

TEST(Numbers, AnAccountThatIsNotTrueIsNotBelieved) {
  const test::TempDir dir;
  // As after a merge of {train, train, broken train, val} with {train, val}: facts of the first.
  const std::vector<std::string> splits = {"train", "train", "train", "val", "train", "val"};
  const std::map<std::string, std::string> facts = {{"splits", "train val"},
                                                    {"split/train", "3 samples, 9 expressions"},
                                                    {"split/val", "1 samples, 2 expressions"}};
  const auto reader = shard(dir / "merged", splits, facts);
  EXPECT_EQ(list(numbers_of_split(reader, "train").value()), (List{0, 1, 4}));
  EXPECT_EQ(list(numbers_of_split(reader, "val").value()), (List{3, 5}));
}

}  // namespace
}  // namespace desa2va::datasets
