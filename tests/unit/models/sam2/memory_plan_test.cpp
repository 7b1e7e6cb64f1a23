#include "common/models/sam2/memory_plan.h"

#include <gmock/gmock.h>

namespace desa2va::models::sam2 {
namespace {

using ::testing::ElementsAre;

std::vector<std::int64_t> frames_of(const std::vector<MemorySlot>& slots) {
  std::vector<std::int64_t> frames;
  for (const auto& slot : slots) frames.push_back(slot.frame);
  return frames;
}
std::vector<std::int64_t> frames_of(const std::vector<PointerSlot>& slots) {
  std::vector<std::int64_t> frames;
  for (const auto& slot : slots) frames.push_back(slot.frame);
  return frames;
}

TEST(MemoryPlan, PromptedFramesComeFirstThenTheOldestTracked) {
  const auto plan = plan_memory(9, 20, false, {0, 1}, {2, 3, 4, 5, 6, 7, 8}, {});
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(0, 1, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(plan.memories.front().position_row, 6);
  EXPECT_EQ(plan.memories.back().position_row, 0);  // the previous frame
  EXPECT_THAT(frames_of(plan.pointers), ElementsAre(0, 1, 8, 7, 6, 5, 4, 3, 2));
}

TEST(MemoryPlan, TheFirstTrackedFrameRemembersOnlyThePrompt) {
  const auto plan = plan_memory(1, 5, false, {0}, {}, {});
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(0));
  EXPECT_THAT(frames_of(plan.pointers), ElementsAre(0));
  EXPECT_EQ(plan.pointer_limit, 5);
}

TEST(MemoryPlan, PointersOfLaterPromptsAreLeftOut) {
  const auto plan = plan_memory(2, 9, false, {0, 5}, {1}, {});
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(0, 5, 1));
  EXPECT_THAT(frames_of(plan.pointers), ElementsAre(0, 1));
}

TEST(MemoryPlan, InReverseThePastIsAhead) {
  const auto plan = plan_memory(3, 10, true, {4}, {5, 6, 7, 8, 9}, {});
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(4, 9, 8, 7, 6, 5));
  EXPECT_THAT(frames_of(plan.pointers), ElementsAre(4, 5, 6, 7, 8, 9));
  EXPECT_EQ(plan.pointers.front().distance, 1);
  EXPECT_EQ(plan.pointers[1].distance, 2);
}

TEST(MemoryPlan, ALimitKeepsTheNearestPromptsAndTheOthersMayReturnAsOrdinary) {
  MemoryRules rules;
  rules.max_cond_frames = 2;
  const auto plan = plan_memory(4, 9, false, {0, 2, 3}, {}, rules);
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(3, 2, 0));
  EXPECT_EQ(plan.memories[2].position_row, 3);  // frame 0 at its own distance
  EXPECT_TRUE(plan.memories[2].conditioning);
}

TEST(MemoryPlan, StrideSkipsFramesButTheNearest) {
  MemoryRules rules;
  rules.stride = 2;
  rules.num_maskmem = 4;
  const auto plan = plan_memory(9, 20, false, {0}, {1, 2, 3, 4, 5, 6, 7, 8}, rules);
  EXPECT_THAT(frames_of(plan.memories), ElementsAre(0, 4, 6, 8));
}

TEST(MemoryHorizon, NoLaterFrameAsksForAnythingBeforeIt) {
  for (const std::int64_t stride : {1, 2, 3}) {
    for (const std::int64_t slots : {1, 2, 3, 7}) {
      MemoryRules rules;
      rules.stride = stride;
      rules.num_maskmem = slots;
      std::set<std::int64_t> all;
      for (std::int64_t t = 1; t < 100; ++t) all.insert(t);
      for (std::int64_t next = 30; next < 40; ++next) {
        const auto horizon = memory_horizon(next, rules);
        for (std::int64_t frame = next; frame < next + 20; ++frame) {
          const auto plan = plan_memory(frame, 100, false, {0}, all, rules);
          for (const auto& slot : plan.memories) {
            EXPECT_TRUE(slot.conditioning || slot.frame >= horizon.memories);
          }
          for (const auto& slot : plan.pointers) {
            EXPECT_TRUE(slot.conditioning || slot.frame >= horizon.pointers);
          }
        }
      }
    }
  }
}

TEST(MemoryHorizon, IsTheOldestThatTheNextFrameAsksFor) {
  const auto horizon = memory_horizon(40, {});
  EXPECT_EQ(horizon.memories, 34);
  EXPECT_EQ(horizon.pointers, 25);
}

}  // namespace
}  // namespace desa2va::models::sam2
