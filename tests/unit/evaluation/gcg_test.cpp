#include <gmock/gmock.h>

#include "common/evaluation/gcg/answer.h"
#include "common/evaluation/gcg/score.h"

namespace desa2va::evaluation {
namespace {

using preprocess::Rle;
using ::testing::ElementsAre;
using ::testing::Pair;

// The pixels [from, to) of a row of ten.
Rle span(std::uint32_t from, std::uint32_t to) {
  return Rle{10, 1, {from, to - from, 10 - to}};
}

GcgImageScore score_of(const GcgImage& image, double similarity = 1) {
  auto score = score_gcg_image(image, [=](auto, auto) { return similarity; });
  EXPECT_TRUE(score.has_value());
  return score ? *score : GcgImageScore{};
}

TEST(GcgAnswer, TakesPhrasesInOrderAndCleansTheCaption) {
  const auto answer = parse_gcg_answer("<p> A man </p> [SEG] holds <p> an umbrella </p> [SEG].");
  EXPECT_THAT(answer.phrases, ElementsAre("A man", "an umbrella"));
  EXPECT_EQ(answer.caption, "A man holds an umbrella .");
}

TEST(GcgAnswer, KeepsWhatIsNoTag) {
  EXPECT_EQ(parse_gcg_answer("three < four").caption, "three < four");
  EXPECT_TRUE(parse_gcg_answer("<p> open").phrases.empty());
}

TEST(GcgScore, PerfectMasksScoreOne) {
  const auto image = score_of(
      {"a", {span(0, 4), span(5, 9)}, {}, {"x", "y"}, {span(5, 9), span(0, 4)}, {}, {"y", "x"}});
  EXPECT_DOUBLE_EQ(image.miou, 1);
  const auto total = score_gcg({&image});
  EXPECT_NEAR(total.ap, 1, 1e-12);
  EXPECT_NEAR(total.ap50, 1, 1e-12);
  EXPECT_NEAR(total.ar100, 1, 1e-12);
  EXPECT_DOUBLE_EQ(total.recall, 1);
}

TEST(GcgScore, RecallStopsAtTheFirstPairThatFails) {
  // IoU 1 with another phrase stands before IoU 0.75 with the same one.
  const GcgImage image{
      "a", {span(0, 4), span(5, 9)}, {}, {"x", "y"}, {span(0, 4), span(5, 8)}, {}, {"z", "y"}};
  const auto score = score_gcg_image(
      image, [](std::string_view a, std::string_view b) { return a == b ? 1.0 : 0.0; });
  ASSERT_TRUE(score.has_value());
  EXPECT_TRUE(score->matches.empty());
  EXPECT_DOUBLE_EQ(score->miou, 0.875);
}

TEST(GcgScore, PairsAreTakenByFallingIou) {
  const GcgImage image{
      "a", {span(0, 4), span(5, 9)}, {}, {"x", "y"}, {span(0, 3), span(5, 9)}, {}, {"x", "y"}};
  EXPECT_THAT(score_of(image).matches, ElementsAre(Pair(1U, 1U), Pair(0U, 0U)));
}

TEST(GcgScore, ACrowdIsNoPositiveAndItsDetectionsDoNotCount) {
  GcgImage image{
      "a", {span(0, 4), span(5, 10)}, {false, true}, {}, {span(0, 4), span(5, 7), span(7, 9)}, {},
      {}};
  const auto score = score_of(image);
  EXPECT_EQ(score.positives, 1U);
  EXPECT_NEAR(score_gcg({&score}).ap, 1, 1e-12);
}

TEST(GcgScore, DetectionsAreTakenByConfidence) {
  const GcgImage image{"a", {span(0, 4)}, {}, {}, {span(6, 9), span(0, 4)}, {0.1, 0.9}, {}};
  const auto score = score_of(image);
  EXPECT_NEAR(score_gcg({&score}).ap50, 1, 1e-12);
}

TEST(GcgScore, AMissingAnswerScoresNothing) {
  const auto score = score_of({"a", {span(0, 4)}, {}, {"x"}, {}, {}, {}});
  const auto total = score_gcg({&score});
  EXPECT_EQ(total.ap, 0);
  EXPECT_EQ(total.miou, 0);
  EXPECT_EQ(total.recall, 0);
}

TEST(GcgScore, WithoutAnyTruthThereIsNoPrecision) {
  const auto score = score_of({"a", {}, {}, {}, {span(0, 4)}, {}, {}});
  EXPECT_EQ(score_gcg({&score}).ap, -1);
}

TEST(GcgScore, MasksOfOtherSizesAreRefused) {
  const GcgImage image{"a", {span(0, 4)}, {}, {}, {Rle{5, 2, {10}}}, {}, {}};
  EXPECT_FALSE(score_gcg_image(image, word_similarity).has_value());
}

TEST(WordSimilarity, ComparesStems) {
  EXPECT_DOUBLE_EQ(*PhraseSimilarity(word_similarity)("the dogs", "the dog"), 1);
  EXPECT_EQ(word_similarity("a cat", "the dog"), 0);
  EXPECT_EQ(word_similarity("", "the dog"), 0);
}

}  // namespace
}  // namespace desa2va::evaluation
