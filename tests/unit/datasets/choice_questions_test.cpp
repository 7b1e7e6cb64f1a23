#include "common/datasets/choice_questions.h"

#include <gmock/gmock.h>

namespace desa2va::datasets {
namespace {

std::vector<ChoiceQuestion> read(const std::string& text) {
  std::vector<ChoiceQuestion> out;
  const auto done = read_choice_questions(Json::parse(text), out);
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
  return out;
}

std::string reason(const std::string& text) {
  std::vector<ChoiceQuestion> out;
  const auto done = read_choice_questions(Json::parse(text), out);
  return done ? "" : done.error().message();
}

TEST(ChoiceQuestions, ReadsSeedBench) {
  const auto questions =
      read(R"({"questions": [{"answer": "C", "choice_a": "One", "choice_b": "Two",
      "choice_c": "Three", "choice_d": "Four", "data_id": "1.jpg", "data_type": "image",
      "question": "How many?", "question_id": "101669", "question_type_id": 5}],
      "question_type": {"Instance Attributes": 3, "Instances Counting": 5}})");
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].id, "101669");
  EXPECT_EQ(questions[0].answer, 'C');
  EXPECT_EQ(questions[0].options.at('B'), "Two");
  EXPECT_EQ(questions[0].groups.at("question_type"), "Instances Counting");
  EXPECT_FALSE(questions[0].videomme);
}

TEST(ChoiceQuestions, ReadsVideoMmeByRow) {
  const auto questions = read(R"([{"video_id": "001", "duration": "short", "domain": "Knowledge",
      "videoID": "fFjv93ACGo8", "question_id": "001-1", "question": "When?",
      "options": ["A. Apples.", "B. Pears.", "C. Figs.", "D. Plums."], "answer": "C"}])");
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].options.at('A'), "Apples.");
  EXPECT_EQ(questions[0].groups.at("duration"), "short");
  EXPECT_EQ(questions[0].media, "fFjv93ACGo8");
  EXPECT_TRUE(questions[0].videomme);
}

TEST(ChoiceQuestions, ReadsVideoMmeByVideo) {
  const auto questions = read(R"([{"video_id": "001", "duration": "long", "questions": [
      {"question_id": "001-1", "question": "When?", "options": ["A. x", "B. y"], "answer": "B"}]}])");
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(questions[0].groups.at("duration"), "long");
}

TEST(ChoiceQuestions, AreAskedWithTheirOptions) {
  const auto questions = read(R"([{"question_id": 7, "question": "Which?", "options": ["x", "y"],
                                   "answer": "A"}])");
  EXPECT_EQ(choice_prompt(questions.at(0)),
            "Which?\nA. x\nB. y\nAnswer with the option's letter from the given choices directly.");
}

TEST(ChoiceQuestions, RefusesAnAnswerThatIsNoOption) {
  EXPECT_NE(reason(R"([{"question_id": 7, "options": ["x", "y"], "answer": "C"}])").find("'7'"),
            std::string::npos);
  EXPECT_NE(reason(R"([{"question_id": 7, "options": ["x", "y"]}])").find("answer"),
            std::string::npos);
  EXPECT_NE(reason(R"([{"answer": "A", "options": ["x"]}])").find("question_id"),
            std::string::npos);
}

}  // namespace
}  // namespace desa2va::datasets
