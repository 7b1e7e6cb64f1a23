#include "launcher/run/length.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/datasets/shard_import.h"
#include "common/protocol/run_plan.h"
#include "tests/support/temp_dir.h"

namespace desa2va::launcher {
namespace {

using datasets::SampleKind;
using ::testing::HasSubstr;

// A data set of `train` samples of the split and one of another, without media.
void make_shards(const std::filesystem::path& folder, const std::string& name, SampleKind kind,
                 int train) {
  shards::WriterOptions options;
  options.dataset = name;
  auto writer = shards::ShardWriter::create(folder / name, options);
  ASSERT_TRUE(writer) << writer.error().message();
  datasets::ShardSink sink(*writer);
  for (int i = 0; i <= train; ++i) {
    datasets::Sample sample;
    sample.dataset = name;
    sample.split = i < train ? "train" : "val";
    sample.id = std::to_string(i);
    sample.kind = kind;
    sample.turns = {{"what?", "that."}};
    ASSERT_TRUE(sink.sample(sample));
  }
  ASSERT_TRUE(sink.split_done({name, "train", static_cast<std::uint64_t>(train), 0, "{}"}));
  ASSERT_TRUE(sink.split_done({name, "val", 1, 0, "{}"}));
  ASSERT_TRUE(writer->finish());
}

class Length : public ::testing::Test {
 protected:
  void SetUp() override {
    make_shards(dir_ / "s", "masks", SampleKind::ImageRef, 20);
    make_shards(dir_ / "s", "words", SampleKind::ImageQa, 10);
  }
  config::Loaded load(const std::vector<std::string>& more) {
    std::vector<std::string> words = {
        "data.shards=s",
        "train.micro_batches=2",
        "train.accumulation=2",
        "data.batch=2",
        "phase_a.images=4",
        "data.mixture=[{name: masks, repeats: 3}, {name: words, max_items: 8}]"};
    words.insert(words.end(), more.begin(), more.end());
    auto loaded = config::load_text("", "f.yaml", words, dir_.path().string());
    EXPECT_TRUE(loaded) << loaded.error().message();
    return std::move(*loaded);
  }
  const test::TempDir dir_;
};

TEST_F(Length, AnEpochCountsTheSplitItsCapAndItsRepeats) {
  const auto size = epoch_size(load({}).config);
  ASSERT_TRUE(size) << size.error().message();
  EXPECT_EQ(size->samples, 3 * 20 + 8);
  EXPECT_EQ(size->with_masks, 3 * 20);
}

TEST_F(Length, AWeightCountsAsTheStreamHasIt) {
  const auto size = epoch_size(
      load({"data.mixture=[{name: masks, repeats: 3, weight: 0.5}, {name: words, weight: 1.25}]"})
          .config);
  ASSERT_TRUE(size) << size.error().message();
  EXPECT_EQ(size->samples, 30 + 12);  // 12.5 to the even neighbour
  EXPECT_EQ(size->with_masks, 30);
}

TEST_F(Length, EpochsBecomeSteps) {
  auto loaded = load({"train.epochs=2", "phase_a.epochs=1"});
  std::string said;
  ASSERT_TRUE(resolve_length(loaded, [&](const std::string& line) { said = line; }));
  // floor(2 * 68 / (2 * 2)) after floor(60 / (4 * 2)).
  EXPECT_EQ(loaded.config.train.steps, 34 + 7);
  EXPECT_EQ(loaded.origin.at("train.steps"), "train.epochs");
  EXPECT_THAT(said, HasSubstr("68 samples"));
  const auto plan = protocol::RunPlan::of(loaded.config);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->lengths().a, 7);
  EXPECT_EQ(plan->lengths().b + plan->lengths().c, 34);
}

TEST_F(Length, APresetWithoutPhaseAHasNone) {
  auto loaded = load({"preset=baseline"});
  ASSERT_TRUE(resolve_length(loaded, [](const std::string&) {}));
  EXPECT_EQ(loaded.config.train.steps, 17);
}

TEST_F(Length, StepsThatAreGivenStay) {
  auto loaded = load({"train.steps=5"});
  ASSERT_TRUE(resolve_length(loaded, [](const std::string&) {}));
  EXPECT_EQ(loaded.config.train.steps, 5);
}

TEST_F(Length, AMissingSetIsNamed) {
  auto loaded = load({"data.mixture=[{name: gone}]"});
  const auto result = resolve_length(loaded, [](const std::string&) {});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("'gone'"));
}

}  // namespace
}  // namespace desa2va::launcher
