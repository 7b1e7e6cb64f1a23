#include <map>
#include <set>

#include "common/storage/shards/verify.h"
#include "launcher/commands/histogram.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/launcher_stores/command_line.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::launcher {
namespace {

using desa2va::test::TempDir;
using shards::ShardReader;
using shards::test::must;

class ShardsTools : public ::testing::Test {
 protected:
  static test::Outcome run(std::vector<std::string> words) {
    words.insert(words.begin(), "shards");
    return test::run(&add_shards, std::move(words));
  }
  std::string at(const std::string& name) const { return (dir_ / name).string(); }

  // Key -> (broken, payload, first medium's bytes): all that must survive.
  static std::map<std::string, std::string> content(const std::string& dir) {
    const auto reader = must(ShardReader::open(dir));
    std::map<std::string, std::string> all;
    for (std::uint64_t number = 0; number < reader.sample_count(); ++number) {
      const auto record = must(reader.sample(number));
      auto text = record.broken + "|" + std::string(as_text(record.payload.bytes()));
      for (const auto& hash : record.media)
        text += "|" + std::string(as_text(must(reader.media(hash)).bytes()));
      all[record.key] = text;
    }
    return all;
  }
  static std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDir dir_;
};

TEST_F(ShardsTools, ReshardToANumberMakesExactlySoManyMediaFiles) {
  shards::test::write_dataset(dir_ / "a", 20);
  for (const int files : {1, 3, 7, 20}) {
    const auto out = at("out" + std::to_string(files));
    const auto outcome = run({"reshard", at("a"), out, "--files", std::to_string(files), "--json"});
    ASSERT_EQ(outcome.exit_code(), 0) << outcome.result.error().message();
    int media = 0;
    const auto json = outcome.json();
    for (const auto& file : json.at("files")) media += file.at("kind") == "media" ? 1 : 0;
    EXPECT_EQ(media, files);
    EXPECT_EQ(content(out), content(at("a")));
    EXPECT_TRUE(must(shards::verify(out)).defects.empty());
  }
  EXPECT_EQ(run({"reshard", at("a"), at("x"), "--files", "21"}).result.error().code(),
            Errc::InvalidArgument);
}

TEST_F(ShardsTools, ReshardThereAndBackGivesTheSameBytes) {
  shards::test::write_dataset(dir_ / "a", 9);
  ASSERT_EQ(run({"reshard", at("a"), at("b"), "--file-bytes", "30KB"}).exit_code(), 0);
  ASSERT_EQ(run({"reshard", at("b"), at("c"), "--file-bytes", "1GiB"}).exit_code(), 0);
  for (const auto* file : {"media-00000.sst", "samples-00000.sst", "index.sst"})
    EXPECT_EQ(bytes_of(dir_ / "a" / file), bytes_of(dir_ / "c" / file)) << file;
}

TEST_F(ShardsTools, MergeStoresSharedMediaOnceAndRefusesRepeatedKeys) {
  shards::test::write_dataset(dir_ / "a", 3);
  auto options = shards::test::options();
  options.dataset = "others";
  auto writer = must(shards::ShardWriter::create(dir_ / "b", options));
  const auto hash = must(writer.media(shards::test::random_bytes(20000, 2).bytes()));
  must(writer.sample(shards::test::record("t0", {hash}, "other"), {}));
  must(writer.finish());
  const auto merged = run({"merge", at("a"), at("b"), at("m"), "--json"});
  ASSERT_EQ(merged.exit_code(), 0) << merged.result.error().message();
  EXPECT_EQ(merged.json().at("samples"), 4);
  EXPECT_EQ(merged.json().at("media"), 3);
  EXPECT_EQ(merged.json().at("dataset"), "others+shapes");
  const auto again = run({"merge", at("m"), at("a"), at("n")});
  ASSERT_FALSE(again.result);
  EXPECT_NE(again.result.error().message().find("s0"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "n"));
  EXPECT_EQ(
      run({"merge", at("m"), at("a"), at("n"), "--skip-repeated", "--json"}).json()["samples"], 4);
}

TEST_F(ShardsTools, SplitByRatioIsADivisionThatDependsOnTheSeedAlone) {
  shards::test::write_dataset(dir_ / "a", 20);
  ASSERT_EQ(
      run({"split", at("a"), at("x"), "--ratio", "0.7,0.2,0.1", "--names", "t,v,w"}).exit_code(),
      0);
  ASSERT_EQ(run({"split", at("a"), at("y"), "--ratio", "7,2,1", "--names", "t,v,w"}).exit_code(),
            0);
  std::map<std::string, std::string> all;
  std::size_t total = 0;
  for (const auto& [name, size] :
       std::map<std::string, std::size_t>{{"t", 14}, {"v", 4}, {"w", 2}}) {
    const auto part = content(at("x/" + name));
    EXPECT_EQ(part.size(), size);
    EXPECT_EQ(part, content(at("y/" + name)));
    total += part.size();
    all.insert(part.begin(), part.end());
  }
  EXPECT_EQ(total, 20U);
  EXPECT_EQ(all, content(at("a")));
}

TEST_F(ShardsTools, SplitByCountLeavesTheRestAndKeepsSharedMediaTogether) {
  auto writer = must(shards::ShardWriter::create(dir_ / "a", shards::test::options()));
  for (std::uint32_t i = 0; i < 12; ++i) {
    const auto hash = must(writer.media(shards::test::random_bytes(100, i / 3).bytes()));
    must(writer.sample(shards::test::record("set/train/" + std::to_string(i), {hash}, "p"), {}));
  }
  must(writer.finish());
  ASSERT_EQ(run({"split", at("a"), at("x"), "--count", "6", "--together"}).exit_code(), 0);
  std::set<ContentHash> first;
  const auto part0 = must(ShardReader::open(at("x/part0")));
  const auto part1 = must(ShardReader::open(at("x/part1")));
  EXPECT_EQ(part0.sample_count() + part1.sample_count(), 12U);
  for (std::uint64_t i = 0; i < part0.sample_count(); ++i)
    first.insert(must(part0.sample(i)).media[0]);
  for (std::uint64_t i = 0; i < part1.sample_count(); ++i)
    EXPECT_FALSE(first.contains(must(part1.sample(i)).media[0]));
  ASSERT_EQ(run({"split", at("a"), at("z"), "--by-split"}).exit_code(), 0);
  EXPECT_EQ(content(at("z/train")), content(at("a")));
}

TEST_F(ShardsTools, EveryToolRefusesToOverwrite) {
  shards::test::write_dataset(dir_ / "a", 3);
  shards::test::write_dataset(dir_ / "old", 2);
  const auto before = content(at("old"));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"reshard", at("a"), at("old"), "--files", "1"},
                                             {"merge", at("a"), at("old")},
                                             {"split", at("a"), at("old"), "--ratio", "1,1"},
                                             {"repair", at("a"), at("old")}}) {
    const auto outcome = run(words);
    ASSERT_FALSE(outcome.result) << words[0];
    EXPECT_EQ(outcome.result.error().code(), Errc::InvalidArgument) << words[0];
  }
  EXPECT_EQ(content(at("old")), before);
}

TEST_F(ShardsTools, BadNumbersAreRefusedWithWhatIsAllowed) {
  shards::test::write_dataset(dir_ / "a", 3);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"reshard", at("a"), at("x")},
           {"reshard", at("a"), at("x"), "--file-bytes", "big"},
           {"reshard", at("a"), at("x"), "--file-bytes", "-4MiB"},
           {"split", at("a"), at("x")},
           {"split", at("a"), at("x"), "--ratio", "-1,2"},
           {"split", at("a"), at("x"), "--count", "4"},
           {"split", at("a"), at("x"), "--ratio", "1,1", "--names", "../up,b"},
           {"split", at("a"), at("x"), "--by-split"},
           {"merge", at("a")}}) {
    const auto outcome = run(words);
    ASSERT_FALSE(outcome.result) << fmt::format("{}", words.back());
    EXPECT_EQ(outcome.result.error().code(), Errc::InvalidArgument);
  }
}

TEST_F(ShardsTools, RepairSavesAllButTheDamagedMediumAndNamesWhoNeedsIt) {
  shards::test::write_dataset(dir_ / "a", 5);
  shards::test::flip_bit(dir_ / "a/media-00000.sst", 50000);  // in medium 2
  const auto outcome = run({"repair", at("a"), at("b"), "--json"});
  ASSERT_EQ(outcome.exit_code(), 0) << outcome.result.error().message();
  const auto repaired = outcome.json();
  EXPECT_EQ(repaired.at("samples"), 5);
  EXPECT_EQ(repaired.at("repair").at("media_lost"), 1);
  EXPECT_EQ(repaired.at("repair").at("losses")[0].at("samples")[0], "s2");
  EXPECT_TRUE(must(shards::verify(dir_ / "b")).defects.empty());
  const auto reader = must(ShardReader::open(dir_ / "b"));
  EXPECT_EQ(reader.usable(), (std::vector<std::uint64_t>{0, 3, 4}));
  EXPECT_EQ(reader.cost(3).text_bytes, 13);
}

TEST_F(ShardsTools, RepairNeedsNeitherTablesNorCatalogNorIndex) {
  shards::test::write_dataset(dir_ / "a", 40, 200000);
  const auto before = content(at("a"));
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "a")) {
    if (entry.path().extension() != ".sst") continue;
    shards::test::flip_bit(entry.path(), entry.file_size() - 20);  // in the footer
  }
  std::filesystem::remove(dir_ / "a/catalog.json");
  std::filesystem::remove(dir_ / "a/index.sst");
  const auto outcome = run({"repair", at("a"), at("b"), "--json"});
  ASSERT_EQ(outcome.exit_code(), 0) << outcome.result.error().message();
  EXPECT_EQ(content(at("b")), before);
}

TEST_F(ShardsTools, RepairOfATruncatedFileKeepsWhatComesBefore) {
  shards::test::write_dataset(dir_ / "a", 10);
  std::filesystem::resize_file(dir_ / "a/media-00000.sst", 110000);
  const auto outcome = run({"repair", at("a"), at("b"), "--json"});
  ASSERT_EQ(outcome.exit_code(), 0) << outcome.result.error().message();
  EXPECT_EQ(outcome.json().at("repair").at("media_lost"), 5);
  EXPECT_EQ(outcome.json().at("samples"), 10);
}

TEST_F(ShardsTools, StatsTellDistributionsAndDrawThem) {
  shards::test::write_dataset(dir_ / "a", 20);
  const auto json = run({"stats", at("a"), "--json", "--png", at("s.png")}).json();
  EXPECT_EQ(json.at("frames").at("largest"), 19);
  EXPECT_EQ(json.at("tokens").at("unknown"), 19);
  EXPECT_TRUE(bytes_of(dir_ / "s.png").starts_with("\x89PNG"));
}

TEST(Histogram, CountsEveryValueOnceInBinsThatMeet) {
  for (const double factor : {1.0, 7.0, 1000.0}) {
    std::vector<double> values = {-1};
    for (int i = 0; i < 500; ++i) values.push_back(std::floor(i * i * factor / 500));
    const auto histogram = make_histogram("h", "", values);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < histogram.bins.size(); ++i) {
      sum += histogram.bins[i].count;
      if (i > 0) {
        EXPECT_EQ(histogram.bins[i].from, histogram.bins[i - 1].to);
      }
    }
    EXPECT_EQ(sum, 500U);
    EXPECT_LE(histogram.bins.size(), 18U);
    EXPECT_EQ(histogram.unknown, 1U);
  }
}

}  // namespace
}  // namespace desa2va::launcher
