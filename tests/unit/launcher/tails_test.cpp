#include "launcher/run/tails.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string line(int step) {
  return R"({"step":)" + std::to_string(step) + R"(,"phase":"B","loss":{"total":2.5},"samples":8})";
}

class Tail : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::temp_directory_path() / ("d2-tail-" + std::to_string(::getpid())))
                .string();
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  std::string path_;
};

TEST_F(Tail, NoFileIsNoLine) {
  EXPECT_TRUE(MetricsTail(path_, 0).poll().empty());
}

TEST_F(Tail, LinesComeOnceAndWhole) {
  MetricsTail tail(path_, 0);
  append(line(1) + "\n" + line(2).substr(0, 10));
  ASSERT_EQ(tail.poll().size(), 1U);
  append(line(2).substr(10) + "\n");
  const auto fresh = tail.poll();
  ASSERT_EQ(fresh.size(), 1U);
  EXPECT_EQ(fresh[0].step, 2U);
  EXPECT_TRUE(tail.poll().empty());
}

TEST_F(Tail, HistoryIsPassedOver) {
  append(line(1) + "\n" + line(2) + "\n" + line(3) + "\n");
  const auto fresh = MetricsTail(path_, 2).poll();
  ASSERT_EQ(fresh.size(), 1U);
  EXPECT_EQ(fresh[0].step, 3U);
}

TEST_F(Tail, AFileOfManyLinesIsReadFromItsEnd) {
  std::string all;
  for (int i = 1; i <= 10000; ++i) all += line(i) + "\n";
  append(all);
  const auto fresh = MetricsTail(path_, 0).poll();
  ASSERT_FALSE(fresh.empty());
  EXPECT_EQ(fresh.back().step, 10000U);
}

TEST(StepLineText, NonFiniteLossIsNone) {
  const auto step =
      parse_step_line(R"({"step":3,"phase":"C","loss":{"total":null},"skipped":true})");
  ASSERT_TRUE(step);
  EXPECT_FALSE(step->loss);
  EXPECT_TRUE(step->skipped);
}

TEST(StepLineText, WhatIsNoObjectIsNotFound) {
  EXPECT_FALSE(parse_step_line("{\"step\":"));
  EXPECT_FALSE(parse_step_line("[]"));
  EXPECT_FALSE(parse_step_line("{\"step\":\"x\"}"));
}

TEST_F(Tail, WarningsAreOfWhatHappensFromNowOn) {
  append(R"({"event":"skip","time":1,"step":3,"tensor":"a of mllm-0"})"
         "\n");
  WarningTail tail(path_);
  EXPECT_TRUE(tail.poll().empty());
  append(R"({"event":"checkpoint","time":2,"step":4})"
         "\n"
         R"({"event":"checkpoint_failed","time":2,"step":8,"reason":"no space left"})"
         "\n");
  EXPECT_THAT(tail.poll(), ElementsAre(HasSubstr("step 8: no space left")));
}

TEST_F(Tail, ManyWarningsOfAKindAreCutShortOnce) {
  WarningTail tail(path_);
  for (int i = 0; i < 20; ++i)
    append(R"({"event":"substitute","dataset":"d","key":"k","reason":"r","substitute":"s"})"
           "\n");
  const auto told = tail.poll();
  ASSERT_EQ(told.size(), 5U);
  EXPECT_THAT(told.front(), HasSubstr("d/k was replaced by s: r"));
  EXPECT_THAT(told.back(), HasSubstr("events.jsonl"));
}

}  // namespace
}  // namespace desa2va::launcher
