#include "common/training/schedule/schedule.h"

#include <gtest/gtest.h>

namespace desa2va::training {
namespace {

PhaseLengths lengths_of(std::int64_t steps, double a, double b, bool has_a = true,
                        bool has_b = true) {
  return phase_lengths(steps, a, b, has_a, has_b).value();
}

TEST(PhaseLengths, TwelveStepsAlreadyPassThroughAllThree) {
  const auto n = lengths_of(12, 0.2, 0.1);
  EXPECT_EQ(n.a, 2);
  EXPECT_EQ(n.b, 1);
  EXPECT_EQ(n.c, 9);
}

TEST(PhaseLengths, PhasesThatExistHaveAtLeastOneStep) {
  const auto n = lengths_of(3, 0.01, 0.01);
  EXPECT_EQ(n.a, 1);
  EXPECT_EQ(n.b, 1);
  EXPECT_EQ(n.c, 1);
}

TEST(PhaseLengths, AbsentPhasesGiveEverythingToTheJointOne) {
  const auto n = lengths_of(100, 0.2, 0.1, false, false);
  EXPECT_EQ(n.a, 0);
  EXPECT_EQ(n.b, 0);
  EXPECT_EQ(n.c, 100);
}

TEST(PhaseLengths, NothingLeftForTheJointPhaseIsAnError) {
  const auto n = phase_lengths(2, 0.2, 0.1, true, true);
  ASSERT_FALSE(n.has_value());
  EXPECT_EQ(n.error().code(), Errc::InvalidArgument);
  EXPECT_NE(n.error().message().find("train.steps=2"), std::string::npos);
}

TEST(LearningRate, FullRateAtBothEndsOfTheJointAndNearlyZeroAtTheEnd) {
  ScheduleConfig config;
  config.lr = 1;
  const std::int64_t total = 200, warmup = 10;
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, total), 1e-5);
  EXPECT_DOUBLE_EQ(learning_rate(config, warmup - 1, total), 1);
  EXPECT_DOUBLE_EQ(learning_rate(config, warmup, total), 1);
  EXPECT_GT(learning_rate(config, total - 1, total), 0);
  EXPECT_LT(learning_rate(config, total - 1, total), 1e-4);
}

TEST(LearningRate, WarmUpShorterThanTwoStartsAtTheFullRate) {
  const ScheduleConfig config;
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 12), config.lr);  // no warm-up
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 24), config.lr);  // one iteration of it
  EXPECT_DOUBLE_EQ(learning_rate(config, 1, 24), config.lr);
}

TEST(Place, StepsWalkThroughThePhasesWithOneScheduleForBAndC) {
  const ScheduleConfig config;
  const PhaseLengths lengths{2, 1, 9};
  const auto first = place(config, lengths, 1);
  EXPECT_EQ(first.phase, Phase::A);
  EXPECT_TRUE(first.first_of_schedule);
  EXPECT_DOUBLE_EQ(first.lr, learning_rate(config, 3, 8));
  EXPECT_EQ(place(config, lengths, 2).index, 1);

  const auto b = place(config, lengths, 3);
  EXPECT_EQ(b.phase, Phase::B);
  EXPECT_TRUE(b.first_of_schedule);
  EXPECT_DOUBLE_EQ(b.lr, learning_rate(config, 3, 40));
  EXPECT_DOUBLE_EQ(b.progress, 0);

  const auto c = place(config, lengths, 4);
  EXPECT_EQ(c.phase, Phase::C);
  EXPECT_EQ(c.index, 0);
  EXPECT_FALSE(c.first_of_schedule);
  EXPECT_DOUBLE_EQ(c.lr, learning_rate(config, 7, 40));
  EXPECT_DOUBLE_EQ(place(config, lengths, 12).progress, 0.9);
}

TEST(Place, APresetWithoutAAndBStartsItsScheduleInC) {
  const auto at = place({}, {0, 0, 10}, 1);
  EXPECT_EQ(at.phase, Phase::C);
  EXPECT_TRUE(at.first_of_schedule);
  EXPECT_DOUBLE_EQ(at.progress, 0);
}

}  // namespace
}  // namespace desa2va::training
