#include "common/evaluation/video/sequence.h"

#include <gmock/gmock.h>

namespace desa2va::evaluation {
namespace {

using ::testing::ElementsAre;

IndexedImage row(std::vector<std::uint8_t> indices) {
  return IndexedImage{static_cast<int>(indices.size()), 1, std::move(indices)};
}

std::vector<FrameScore> frames_of(
    const std::vector<std::pair<IndexedImage, std::optional<IndexedImage>>>& pairs) {
  std::vector<FrameScore> out;
  for (const auto& [truth, prediction] : pairs) {
    auto frame = score_frame(truth, prediction);
    EXPECT_TRUE(frame.has_value());
    if (frame) out.push_back(std::move(*frame));
  }
  return out;
}

TEST(SequenceScore, HasARowForEachObjectOfTheTruth) {
  const auto score = score_sequence(
      frames_of({{row({0, 1, 3, 3}), row({0, 1, 3, 0})}, {row({0, 0, 3, 3}), row({0, 0, 3, 3})}}));
  EXPECT_THAT(score.objects, ElementsAre(1, 3));
  EXPECT_THAT(score.j, ElementsAre(ElementsAre(1, 1), ElementsAre(0.5, 1)));
  EXPECT_DOUBLE_EQ(score.j_mean, 0.875);
  EXPECT_DOUBLE_EQ(score.jf(), (score.j_mean + score.f_mean) / 2);
}

TEST(SequenceScore, AnObjectThatIsGoneMustNotBePredicted) {
  const auto score = score_sequence(frames_of(
      {{row({0, 1}), row({0, 1})}, {row({0, 0}), row({0, 1})}, {row({0, 0}), row({0, 0})}}));
  EXPECT_THAT(score.j, ElementsAre(ElementsAre(1, 0, 1)));
}

TEST(SequenceScore, PredictedObjectsThatTheTruthLacksAreNamedNotScored) {
  const auto score = score_sequence(frames_of({{row({0, 1, 0}), row({0, 1, 2})}}));
  EXPECT_THAT(score.objects, ElementsAre(1));
  EXPECT_THAT(score.unknown, ElementsAre(2));
}

TEST(SequenceScore, AMissingPredictionIsEmpty) {
  const auto score = score_sequence(frames_of({{row({0, 1, 0}), std::nullopt}}));
  EXPECT_THAT(score.j, ElementsAre(ElementsAre(0)));
}

TEST(SequenceScore, VoidIsBackground) {
  const auto score = score_sequence(frames_of({{row({255, 1, 0}), row({0, 1, 0})}}));
  EXPECT_THAT(score.objects, ElementsAre(1));
  EXPECT_THAT(score.j, ElementsAre(ElementsAre(1)));
}

TEST(SequenceScore, OfNoFramesIsEmpty) {
  const auto score = score_sequence({});
  EXPECT_TRUE(score.objects.empty());
  EXPECT_EQ(score.jf(), 0);
}

TEST(ScoreFrame, RefusesOtherSizes) {
  EXPECT_FALSE(score_frame(row({0, 1}), row({0, 1, 0})).has_value());
}

TEST(Revos, CountsOverAllFrames) {
  RevosCounts counts;
  counts.add(Mask{4, 1, {1, 1, 0, 0}}, Mask{4, 1, {1, 0, 1, 0}}, Mask{4, 1, {1, 1, 1, 1}});
  EXPECT_DOUBLE_EQ(counts.accuracy(), 0.5);
  EXPECT_DOUBLE_EQ(counts.robustness(), 0.75);
  counts.add(Mask{4, 1, {1, 0, 0, 0}}, Mask{4, 1, {1, 1, 1, 1}}, Mask{4, 1, {0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(counts.accuracy(), 3.0 / 8);
  EXPECT_DOUBLE_EQ(counts.robustness(), 0);
}

}  // namespace
}  // namespace desa2va::evaluation
