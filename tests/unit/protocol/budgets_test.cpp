#include "common/protocol/budgets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/protocol/run_plan.h"

namespace desa2va::protocol {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Budgets, TheDefaultsHoldThePublishedSizes) {
  EXPECT_TRUE(check_budgets(config::Config()));
}

TEST(Budgets, FramesOfTheLargerPhaseCount) {
  config::Config config;  // 2 samples of 5 frames; phase A 8 frames
  EXPECT_EQ(need_of(config, config::Edge::DataToSam2).message, 10U * 3 * 1024 * 1024);
  config.phase_a.images = 16;
  EXPECT_EQ(need_of(config, config::Edge::DataToSam2).message, 16U * 3 * 1024 * 1024);
  config.preset = config::Preset::Baseline;  // has no phase A
  EXPECT_EQ(need_of(config, config::Edge::DataToSam2).message, 10U * 3 * 1024 * 1024);
}

TEST(Budgets, OneThatCannotHoldAMessageIsRefusedWithBothNumbers) {
  config::Config config;
  config.transport[config::Edge::DataToSam2].budget_bytes = 1 << 20;
  const auto refused = check_budgets(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code(), 2);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("transport.data_to_sam2.budget_bytes: 1048576"),
                    HasSubstr("31457280"), HasSubstr("data.batch")));
}

TEST(Budgets, RepliesOfAllOpenMicrobatchesMustFit) {
  config::Config config;
  config.services[Role::Mllm].in_flight = 64;  // 10 rows of 896 floats each
  config.transport[config::Edge::MllmToDecoupler].budget_bytes = 1 << 20;
  const auto refused = check_budgets(config);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("mllm_to_decoupler"),
                                               HasSubstr("in_flight = 64"), HasSubstr("2293760")));
}

TEST(RunPlan, PhaseEndsAreTheLastStepsOfThePhasesThatExist) {
  config::Config config;
  config.train.steps = 10;
  config.train.micro_batches = 4;
  EXPECT_EQ(RunPlan::of(config)->phase_ends(), (std::vector<std::uint64_t>{2, 3, 10}));
  config.preset = config::Preset::Baseline;
  EXPECT_EQ(RunPlan::of(config)->phase_ends(), (std::vector<std::uint64_t>{10}));
}

}  // namespace
}  // namespace desa2va::protocol
