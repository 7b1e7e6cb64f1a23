#include <algorithm>
#include <set>

#include "common/preprocess/image/encode.h"
#include "common/storage/shards/shard_writer.h"
#include "data_fixture.h"
#include "services/data/stage.h"

namespace desa2va::data {
namespace {

using datasets::Sample;
using SubstituteTest = test::DataFixture;

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
  config::Config some = config();
  some.data.mixture = {member("some_bad", 1)};
  some.data.batch = 2;
  auto one = DataStage::open(some);
  auto two = DataStage::open(some);
  ASSERT_TRUE(one && two);
  std::size_t replaced = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto a = one->make(Phase::B, i, i);
    const auto b = two->make(Phase::B, i, i);
    ASSERT_TRUE(a) << a.error().message();
    ASSERT_TRUE(b);
    EXPECT_EQ(a->keys, b->keys);
    for (const Substitution& event : a->substitutions) {
      EXPECT_TRUE(event.key == "llava/train/2" || event.key == "llava/train/5") << event.key;
      EXPECT_NE(event.reason.find("not a picture"), std::string::npos) << event.reason;
      EXPECT_NE(event.substitute, event.key);
      ++replaced;
    }
  }
  EXPECT_EQ(replaced, 2U);
  EXPECT_EQ(one->media().decoded, 6U + 2 * 2);  // what failed was tried twice
}

TEST_F(SubstituteTest, WhereNothingCanBeUsedTheErrorNamesTheSampleAndAsksForExitThree) {
  write_pictures(shards() / "all_bad", 3, {0, 1, 2});
  config::Config all = config();
  all.data.mixture = {member("all_bad", 1)};
  auto stage = DataStage::open(all);
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit_code(), 3);
  EXPECT_NE(made.error().message().find("llava/train/"), std::string::npos);
  EXPECT_NE(made.error().message().find("all_bad"), std::string::npos);
}

TEST_F(SubstituteTest, PhaseAWithoutMasksIsRefused) {
  write_pictures(shards() / "no_masks", 3, {});
  config::Config none = config();
  none.data.mixture = {member("no_masks", 1)};
  auto stage = DataStage::open(none);
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::A, 0, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit_code(), 2);
}

}  // namespace
}  // namespace desa2va::data
