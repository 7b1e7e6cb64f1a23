#include "common/runtime/tracing/predict.h"

#include <gtest/gtest.h>

#include "common/runtime/tracing/categories.h"
#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

// One unit of time a call, commit free.
StageTimes even() {
  return {1, 1, 1, 0.001, 0.001, 1, 1, 0};
}

TEST(PredictStep, OneMicrobatchIsTheChainOfItsCalls) {
  StageTimes times = even();
  times.commit = 0.5;
  // Data and encoding run ahead; forward, decode, backward and the commit follow each other.
  EXPECT_NEAR(predict_step(times, {.microbatches = 1}), 3.502, 1e-9);
}

TEST(PredictStep, ManyMicrobatchesTakeTheTimeOfTheBusiestRole) {
  StageTimes times = even();
  times.sam2_decode = 5;
  const double step = predict_step(times, {.microbatches = 16});
  EXPECT_GT(step, 16 * 5);
  EXPECT_LT(step, 16 * 6 + 5);  // decoding and, at most, all of the encoding
}

TEST(PredictStep, ReplicasDivideTheWorkOfTheirRole) {
  StageTimes times = even();
  times.sam2_decode = 6;
  times.sam2_encode = 2;
  const double one = predict_step(times, {.microbatches = 16});
  const double two = predict_step(times, {.microbatches = 16, .sam2_replicas = 2});
  EXPECT_LT(two, 0.6 * one);
  times = even();
  times.data = 10;
  const double slow = predict_step(times, {.microbatches = 16});
  EXPECT_NEAR(slow, 160, 10);
  EXPECT_NEAR(predict_step(times, {.microbatches = 16, .data_replicas = 2}), 80, 10);
}

TEST(PredictStep, AnotherOpenMicrobatchHidesTheWayThroughSam2) {
  StageTimes times = even();
  times.sam2_encode = 0.01;
  const double alone = predict_step(times, {.microbatches = 8, .mllm_in_flight = 1});
  const double four = predict_step(times, {.microbatches = 8, .mllm_in_flight = 4});
  EXPECT_NEAR(alone, 8 * 3.0, 0.2);  // forward, decode and backward of each, one after another
  EXPECT_LT(four, 8 * 2.0 + 2);
}

TEST(PredictStep, PhaseAHasNoBackwardInMllm) {
  StageTimes times = even();
  times.mllm_backward = 0;
  EXPECT_NEAR(predict_step(times, {.microbatches = 1}), 2.002, 1e-9);
}

Timeline with(Role role, std::vector<TimedSpan> spans) {
  return {{role, 0}, 1, std::move(spans)};
}
TimedSpan span(Span kind, std::int64_t begin, std::int64_t end, std::uint64_t microbatch = 0) {
  return {info(kind).name,
          info(kind).category,
          0,
          begin * 1'000'000'000,
          end * 1'000'000'000,
          kind == Span::OptimizerStep ? kNoMicrobatch : microbatch};
}

TEST(StageTimesOf, AreMeansOfTheCallsInTheWindow) {
  const std::vector<Timeline> run = {
      with(Role::Data, {span(Span::Pack, 0, 2), span(Span::Pack, 2, 6)}),
      with(Role::Mllm, {span(Span::MllmForward, 2, 3), span(Span::MllmBackward, 6, 8),
                        span(Span::OptimizerStep, 8, 9)}),
      with(Role::Decoupler, {span(Span::DecouplerForward, 3, 4), span(Span::OptimizerStep, 8, 11)}),
      with(Role::Sam2, {span(Span::Sam2Decode, 4, 6)})};
  const auto times = stage_times(run, {0, 20'000'000'000});
  ASSERT_TRUE(times);
  EXPECT_EQ(times->data, 3);
  EXPECT_EQ(times->mllm_backward, 2);
  EXPECT_EQ(times->sam2_encode, 0);
  EXPECT_EQ(times->commit, 3);
}

TEST(StageTimesOf, PhaseAIsLeftOutWhereOtherPhasesFollow) {
  const std::vector<Timeline> run = {
      with(Role::Data, {span(Span::Pack, 0, 9, 3), span(Span::Pack, 2, 4, 4)}),  // ahead
      with(Role::Mllm, {span(Span::MllmText, 0, 5, 3), span(Span::OptimizerStep, 5, 9),
                        span(Span::MllmForward, 10, 11, 4), span(Span::OptimizerStep, 14, 15)}),
      with(Role::Decoupler, {span(Span::DecouplerForward, 11, 12, 4)}),
      with(Role::Sam2, {span(Span::Sam2Decode, 5, 9, 3), span(Span::Sam2Decode, 12, 13, 4)})};
  const auto times = stage_times(run, {0, 20'000'000'000});
  ASSERT_TRUE(times);
  EXPECT_EQ(times->mllm_forward, 1);
  EXPECT_EQ(times->data, 2);
  EXPECT_EQ(times->sam2_decode, 1);
  EXPECT_EQ(times->commit, 1);
}

TEST(StageTimesOf, AMissingRoleIsNoEvidence) {
  EXPECT_FALSE(stage_times({with(Role::Data, {span(Span::Pack, 0, 2)})}, {0, 20'000'000'000}));
}

}  // namespace
}  // namespace desa2va::tracing
