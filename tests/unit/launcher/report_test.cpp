#include "launcher/run/report.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = (fs::temp_directory_path() / ("d2-report-" + std::to_string(::getpid()))).string();
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }
  nlohmann::json written() const { return nlohmann::json::parse(report_json(dir_)); }
  std::string dir_;
};

LaunchResult done(std::uint64_t first, std::uint64_t last) {
  LaunchResult result;
  result.first_step = first;
  result.last_step = last;
  result.seconds = 10;
  result.samples = 80;
  return result;
}

TEST_F(Report, CompleteNeedsAllStepsAndAGoodEnd) {
  EXPECT_FALSE(is_complete(dir_));
  ASSERT_TRUE(write_report(dir_, done(0, 3), 4));
  EXPECT_FALSE(is_complete(dir_));
  LaunchResult bad = done(0, 4);
  bad.exit_code = 6;
  ASSERT_TRUE(write_report(dir_, bad, 4));
  EXPECT_FALSE(is_complete(dir_));
  ASSERT_TRUE(write_report(dir_, done(3, 4), 4));
  EXPECT_TRUE(is_complete(dir_));
}

TEST_F(Report, SecondsAddUpAndEvaluationStays) {
  std::ofstream(dir_ + "/report.json") << R"({"eval": {"miou": 0.5}, "seconds": 5})";
  ASSERT_TRUE(write_report(dir_, done(0, 4), 4));
  EXPECT_EQ(written()["seconds"], 15);
  EXPECT_EQ(written()["eval"]["miou"], 0.5);
  EXPECT_EQ(written()["step_time"]["measured"], 2.5);
  EXPECT_THAT(report_text(dir_), HasSubstr("trained        0.500"));
}

TEST_F(Report, TheStepTimeOfTheTracesStandsBesideItsPrediction) {
  LaunchResult result = done(0, 4);
  result.step_time = StepTime{0.5, 0.4};
  ASSERT_TRUE(write_report(dir_, result, 4));
  EXPECT_EQ(written()["step_time"]["mean"], 2.5);
  EXPECT_EQ(written()["step_time"]["measured"], 0.5);
  EXPECT_EQ(written()["step_time"]["predicted"], 0.4);
  EXPECT_THAT(report_text(dir_), HasSubstr("0.500 s measured at the end, 0.400 s predicted"));
}

TEST_F(Report, BranchesStandBesideWhatTheyMustBeat) {
  std::ofstream(dir_ + "/report.json") << R"({"eval": {"samples": 4, "step": 12,
    "branches": {"fused": {"miou": 0.61, "right_object": 0.85}},
    "untrained": {"miou": 0.02}, "baselines": {"largest": {"miou": 0.25}}}})";
  const std::string text = report_text(dir_);
  EXPECT_THAT(text, HasSubstr("fused              0.610        85.0 %"));
  EXPECT_THAT(text, HasSubstr("untrained          0.020"));
  EXPECT_THAT(text, HasSubstr("baseline: largest  0.250"));
}

TEST_F(Report, ScoresOnWhatWasTrainedOnSaySo) {
  const auto text_with = [this](const char* eval) {
    std::ofstream(dir_ + "/report.json") << fmt::format(R"({{"eval": {}}})", eval);
    return report_text(dir_);
  };
  EXPECT_THAT(text_with(R"({"held_out": false})"), HasSubstr("training data"));
  EXPECT_THAT(text_with(R"({"held_out": true})"), HasSubstr("held-out data"));
  EXPECT_THAT(text_with("{}"), HasSubstr("held-out data"));  // of an older version
}

TEST_F(Report, TheBottleneckNeedsEvidence) {
  LaunchResult result = done(0, 2);
  result.busy = {{Role::Sam2, 0.9}, {Role::Data, 0.1}};
  ASSERT_TRUE(write_report(dir_, result, 100));
  EXPECT_EQ(written()["bottleneck"], "not enough evidence");
  result.last_step = 50;
  ASSERT_TRUE(write_report(dir_, result, 100));
  EXPECT_EQ(written()["bottleneck"], "sam2");
}

TEST_F(Report, AFailureIsNamedAndGoneAfterAGoodEnd) {
  LaunchResult bad = done(0, 2);
  bad.exit_code = 5;
  bad.failure = Failure{"sam2-0", "sam2-0 was killed", "run again", "", 5};
  ASSERT_TRUE(write_report(dir_, bad, 4));
  EXPECT_EQ(written()["failure"]["process"], "sam2-0");
  ASSERT_TRUE(write_report(dir_, done(2, 4), 4));
  EXPECT_FALSE(written().contains("failure"));
}

TEST_F(Report, LearningTableAveragesWithinPhases) {
  std::ofstream out(dir_ + "/metrics.jsonl");
  for (int step = 1; step <= 12; ++step)
    out << R"({"step":)" << step << R"(,"phase":")" << (step <= 6 ? "A" : "C")
        << R"(","loss":{"total":)" << step << "}}\n";
  for (int step = 13; step <= 24; ++step)
    out << R"({"step":)" << step << R"(,"phase":"C","loss":{"total":1,"mi_raw":0.5}})"
        << "\n";
  out.close();
  const std::string text = learning_table(dir_);
  EXPECT_THAT(text, HasSubstr("total"));
  EXPECT_THAT(text, Not(HasSubstr("llm")));
  EXPECT_THAT(text, HasSubstr("A        1-1   1.0000\n"));
  EXPECT_THAT(text, HasSubstr("C        7-9   8.0000\n"));
  EXPECT_THAT(method_table(dir_), HasSubstr("I_CLUB"));
}

}  // namespace
}  // namespace desa2va::launcher
