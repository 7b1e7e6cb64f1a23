#include "common/preprocess/text/templates.h"

#include <gtest/gtest.h>

#include <set>

namespace desa2va::text {
namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(Templates, EveryQuestionHasOneHoleAndEveryAnswerOneSeg) {
  EXPECT_EQ(segmentation_questions().size(), 16U);
  EXPECT_EQ(segmentation_answers().size(), 5U);
  for (const auto question : segmentation_questions()) EXPECT_EQ(count(question, "{X}"), 1U);
  for (const auto answer : segmentation_answers()) EXPECT_EQ(count(answer, "[SEG]"), 1U);
  EXPECT_EQ(count(description_question(), "{X}"), 1U);
  EXPECT_EQ(grounded_caption_questions().size(), 6U);
}

TEST(Templates, EveryPatternStandsOnceWithPunctuationAndOnceWithout) {
  const auto questions = segmentation_questions();
  for (std::size_t i = 0; i < questions.size(); i += 2) {
    EXPECT_EQ(questions[i].substr(0, questions[i].size() - 1), questions[i + 1]);
  }
}

TEST(Templates, FillLeavesOtherBracesAlone) {
  EXPECT_EQ(fill("segment {X} {Y}", "the {X} ring"), "segment the {X} ring {Y}");
}

TEST(Templates, DrawsReachEveryQuestionAndRepeatForEqualSeeds) {
  const Random random(1, "test", "draws");
  std::set<std::string> questions, answers;
  for (std::uint64_t i = 0; i < 400; ++i) {
    const Turn turn = referring_turn("it", true, random, 2 * i);
    questions.insert(turn.question);
    answers.insert(turn.answer);
    EXPECT_EQ(turn.question, referring_turn("it", true, random, 2 * i).question);
  }
  EXPECT_EQ(questions.size(), 16U);
  EXPECT_EQ(answers.size(), 5U);
}

TEST(Templates, AQuestionIsAskedAsItIs) {
  const Random random(1, "test", "draws");
  EXPECT_EQ(referring_turn("Who runs?", true, random, 0).question, "Who runs?");
  EXPECT_NE(referring_turn("Who runs?", false, random, 0).question, "Who runs?");
}

TEST(Templates, ExpressionsAreTidiedAsTheirSetsDo) {
  EXPECT_EQ(normalize_video_expression(" The bird. Flying. "), "the bird flying");
  EXPECT_EQ(normalize_video_expression("Which bird flies?"), "Which bird flies?");
  EXPECT_EQ(normalize_image_expression("Small Dog.."), "small dog.");
}

}  // namespace
}  // namespace desa2va::text
