#include <algorithm>
#include <optional>
#include <set>

#include "common/preprocess/image/encode.h"
#include "common/storage/shards/shard_writer.h"
#include "data_fixture.h"
#include "services/data/stage.h"

namespace desa2va::data {
namespace {

using datasets::Sample;

class SubstituteTest : public test::DataFixture {
 protected:
  // A stage whose mixture is this data set alone.
  static Result<DataStage> open(const std::string& name, std::optional<int> batch = {}) {
    config::Config alone = config();
    alone.data.mixture = {member(name, 1)};
    if (batch) alone.data.batch = *batch;
    return DataStage::open(alone);
  }
};

// A data set of single-picture conversations, of which the pictures of `bad` are no pictures.
void write_pictures(const std::filesystem::path& dir, int count, const std::set<int>& bad) {
  shards::WriterOptions options;
  options.dataset = "llava";
  options.kind = "llava";
  options.created_by = "test";
  options.facts = {{"splits", "train"}};
  auto writer = shards::ShardWriter::create(dir, options);
  ASSERT_TRUE(writer) << writer.error().message();
  for (int i = 0; i < count; ++i) {
    auto image = preprocess::Image::allocate(32, 32);
    std::fill(image.mutable_pixels().begin(), image.mutable_pixels().end(),
              static_cast<std::uint8_t>(10 * i + 1));
    auto file = preprocess::encode_png(image);
    ASSERT_TRUE(file);
    const std::string garbage = "no picture at all " + std::to_string(i);
    const auto hash = writer->media(bad.contains(i) ? as_bytes(garbage) : file->bytes());
    ASSERT_TRUE(hash);
    Sample sample;
    sample.dataset = "llava";
    sample.split = "train";
    sample.id = std::to_string(i);
    sample.kind = datasets::SampleKind::ImageQa;
    sample.media = {{*hash, datasets::MediaKind::Image, "p" + sample.id + ".png", 32, 32, 0}};
    sample.turns = {{"<image>\nWhat is it?", "A thing."}};
    ASSERT_TRUE(
        writer->sample({describe(sample), {*hash}, "", datasets::encode_sample(sample)}, {}));
  }
  ASSERT_TRUE(writer->finish());
}

TEST_F(SubstituteTest, AnUndecodablePictureIsReplacedTheSameWayEveryTime) {
  write_pictures(shards() / "some_bad", 8, {2, 5});
  auto one = open("some_bad", 2);
  auto two = open("some_bad", 2);
  ASSERT_TRUE(one && two);
  std::size_t replaced = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto a = one->make(Phase::B, i, i);
    const auto b = two->make(Phase::B, i, i);
    ASSERT_TRUE(a) << a.error().message();
    ASSERT_TRUE(b);
    EXPECT_EQ(a->keys, b->keys);
    for (const messages::Replaced& event : a->replaced) {
      const std::string& key = event.sample.key;
      EXPECT_EQ(event.sample.dataset, "some_bad");
      EXPECT_TRUE(key == "llava/train/2" || key == "llava/train/5") << key;
      EXPECT_NE(event.reason.find("not a picture"), std::string::npos) << event.reason;
      EXPECT_NE(event.substitute, key);
      ++replaced;
    }
  }
  EXPECT_EQ(replaced, 2U);
  EXPECT_EQ(one->media().decoded, 6U + 2 * 2);  // what failed was tried twice
}

// On record is what could not be read: others replace it by the same sample, readable or not.
TEST_F(SubstituteTest, ASampleOnRecordIsReplacedWithoutATryAndByTheSame) {
  using Why = messages::Replaced::Why;
  write_pictures(shards() / "torn", 8, {2});
  write_pictures(shards() / "whole", 8, {});
  auto first = open("torn");
  auto later = open("whole");
  ASSERT_TRUE(first && later);
  later->avoid({{"whole", "llava/train/2"}, {"torn", "llava/train/3"}});
  std::size_t replaced = 0;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const auto failed = first->make(Phase::B, i, i);
    const auto avoided = later->make(Phase::B, i, i);
    ASSERT_TRUE(failed && avoided);
    ASSERT_EQ(failed->replaced.size(), avoided->replaced.size());
    for (std::size_t r = 0; r < failed->replaced.size(); ++r) {
      EXPECT_EQ(failed->replaced[r].why, Why::Reading);
      EXPECT_EQ(avoided->replaced[r].why, Why::OnRecord);
      EXPECT_EQ(failed->replaced[r].substitute, avoided->replaced[r].substitute);
      ++replaced;
    }
  }
  EXPECT_EQ(replaced, 3U);                // as often as it came
  EXPECT_EQ(later->media().decoded, 7U);  // each of the others once, the one on record never
}

TEST_F(SubstituteTest, WhereAllAreOnRecordTheyAreTriedAgain) {
  write_pictures(shards() / "recovered", 3, {});
  auto stage = open("recovered");
  ASSERT_TRUE(stage) << stage.error().message();
  stage->avoid({{"recovered", "llava/train/0"},
                {"recovered", "llava/train/1"},
                {"recovered", "llava/train/2"}});
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_TRUE(made->replaced.empty());
}

TEST_F(SubstituteTest, WhereNothingCanBeUsedTheErrorNamesTheSampleAndAsksForExitThree) {
  write_pictures(shards() / "all_bad", 3, {0, 1, 2});
  auto stage = open("all_bad");
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit_code(), 3);
  EXPECT_NE(made.error().message().find("llava/train/"), std::string::npos);
  EXPECT_NE(made.error().message().find("all_bad"), std::string::npos);
}

TEST_F(SubstituteTest, PhaseAWithoutMasksIsRefused) {
  write_pictures(shards() / "no_masks", 3, {});
  auto stage = open("no_masks");
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::A, 0, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit_code(), 2);
}

}  // namespace
}  // namespace desa2va::data
