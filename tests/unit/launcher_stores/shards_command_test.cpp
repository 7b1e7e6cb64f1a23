#include "common/datasets/shard_import.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/launcher_stores/command_line.h"
#include "tests/unit/storage/shards/dataset.h"

namespace desa2va::launcher {
namespace {

using desa2va::test::TempDir;
using shards::test::must;

// Two datasets below "shards": "a" with a usable and a broken sample, "b" with none.
class ShardsCommand : public ::testing::Test {
 protected:
  ShardsCommand() {
    shards::WriterOptions options;
    options.dataset = "llava";
    auto writer = must(shards::ShardWriter::create(dir_ / "shards/a", options));
    datasets::ShardSink sink(writer);
    datasets::MediaItem item;
    item.bytes = shards::test::random_bytes(30000, 1);
    item.hash = content_hash(item.bytes.bytes());
    must(sink.media(item));
    datasets::Sample sample;
    sample.dataset = "llava";
    sample.split = "train";
    sample.id = "0";
    sample.turns = {{"<image>\nwhat?", "that."}};
    sample.media.resize(1);
    sample.media[0].hash = item.hash;
    must(sink.sample(sample));
    sample.id = "1";
    sample.media[0].hash = {};
    sample.status = datasets::SampleStatus::Broken;
    sample.reason = "missing file";
    must(sink.sample(sample));
    must(writer.finish());
    must(must(shards::ShardWriter::create(dir_ / "shards/b", {})).finish());
  }
  static test::Outcome run(std::vector<std::string> words) {
    words.insert(words.begin(), "shards");
    return test::run(&add_shards, std::move(words));
  }

  TempDir dir_;
  const std::string all_ = (dir_ / "shards").string();
  const std::string one_ = (dir_ / "shards/a").string();
};

TEST_F(ShardsCommand, CatPrintsOneObjectASampleWithKeyStatusAndReason) {
  const auto outcome = run({"cat", one_, "--json"});
  ASSERT_TRUE(outcome.result) << outcome.result.error().message();
  std::istringstream lines(outcome.output);
  std::vector<nlohmann::json> samples;
  for (std::string line; std::getline(lines, line);) samples.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(samples.size(), 2U);
  for (const auto& sample : samples) {
    for (const auto* field : {"dataset", "key", "status", "reason"})
      EXPECT_TRUE(sample.contains(field)) << field;
  }
  EXPECT_NE(samples[0].at("status"), samples[1].at("status"));
  EXPECT_EQ(samples[1].at("reason"), "missing file");
}

TEST_F(ShardsCommand, CatPicksByNumberKeyAndBrokenness) {
  const auto lines = [](const test::Outcome& outcome) {
    return std::count(outcome.output.begin(), outcome.output.end(), '\n');
  };
  EXPECT_EQ(lines(run({"cat", all_})), 2);
  EXPECT_EQ(lines(run({"cat", one_, "--first", "1"})), 1);
  EXPECT_EQ(lines(run({"cat", one_, "--count", "0"})), 0);
  EXPECT_EQ(lines(run({"cat", one_, "--broken"})), 1);
  EXPECT_EQ(lines(run({"cat", one_, "--key", "train/0"})), 1);
}

TEST_F(ShardsCommand, InspectTellsCountsAndBrokenSamples) {
  const auto json = run({"inspect", one_, "--json"}).json();
  EXPECT_EQ(json.at("dataset"), "llava");
  EXPECT_EQ(json.at("samples"), 2);
  EXPECT_EQ(json.at("usable"), 1);
  EXPECT_EQ(json.at("broken")[0].at("reason"), "missing file");
  EXPECT_EQ(run({"inspect", all_, "--json"}).json().size(), 2U);
}

TEST_F(ShardsCommand, VerifyNamesFileKeyAndSamplesOfAFlippedBit) {
  EXPECT_EQ(run({"verify", all_}).exit_code(), 0);
  shards::test::flip_bit(dir_ / "shards/a/media-00000.sst", 15000);
  const auto outcome = run({"verify", all_, "--json"});
  EXPECT_EQ(outcome.exit_code(), 1);
  const auto json = outcome.json();
  EXPECT_EQ(json.at("ok"), false);
  const auto& defect = json.at("datasets")[0].at("defects")[0];
  EXPECT_EQ(defect.at("file"), "media-00000.sst");
  EXPECT_EQ(defect.at("samples").size(), 1U);
}

TEST_F(ShardsCommand, NoDatasetIsNotFound) {
  for (const auto* command : {"cat", "inspect", "verify"}) {
    EXPECT_EQ(run({command, (dir_ / "none").string()}).result.error().code(), Errc::NotFound);
  }
}

TEST_F(ShardsCommand, CatOfADamagedSampleIsCorruptAndNamesDatasetFileAndNumber) {
  shards::test::flip_bit(dir_ / "shards/a/samples-00000.sst", 30);
  const auto outcome = run({"cat", one_});
  ASSERT_FALSE(outcome.result);
  EXPECT_EQ(outcome.result.error().code(), Errc::Corrupt);
  for (const auto* part : {"llava", "sample 0", "samples-00000.sst"}) {
    EXPECT_NE(outcome.result.error().message().find(part), std::string::npos)
        << outcome.result.error().message();
  }
}

TEST_F(ShardsCommand, ProbeOfSomethingElseSaysThatItDoesNotOpen) {
  const auto outcome = run({"probe", one_ + "/catalog.json", "--json"});
  EXPECT_EQ(outcome.exit_code(), 0);
  EXPECT_EQ(outcome.json().at("opens"), false);
}

}  // namespace
}  // namespace desa2va::launcher
