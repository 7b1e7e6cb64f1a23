#include "launcher/run/progress.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

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

TEST(SpeedTest, RatesAreOverTheWindow) {
  Speed speed(10'000'000'000);
  EXPECT_FALSE(speed.samples_per_second());
  for (int i = 0; i <= 100; ++i)
    speed.add({.step = static_cast<std::uint64_t>(i + 1), .loss = {}, .samples = i < 50 ? 1U : 8U},
              i * std::int64_t{1'000'000'000});
  EXPECT_NEAR(*speed.samples_per_second(), 8, 0.01);
  EXPECT_NEAR(*speed.seconds_for(30), 30, 0.01);
}

TEST(ProgressLine, ShowsWhatIsKnown) {
  Progress progress;
  progress.state = "starting";
  EXPECT_EQ(format_line(progress), "starting");
  progress.state.clear();
  progress.last = StepLine{412, 'C', 1.2345, 8, false};
  progress.total_steps = 1000;
  progress.samples_per_second = 15.23;
  progress.seconds_left = 192;
  progress.busy = {{Role::Data, 0.12}, {Role::Sam2, 0.9}};
  EXPECT_EQ(format_line(progress),
            "C  step 412/1000  loss 1.234  15.2 samples/s  3m12s left  busy data 12% sam2 90%");
}

TEST(ProgressLine, SecondsForPeople) {
  EXPECT_EQ(format_seconds(0), "0s");
  EXPECT_EQ(format_seconds(59.6), "1m00s");
  EXPECT_EQ(format_seconds(3661), "1h01m");
}

}  // namespace
}  // namespace desa2va::launcher
