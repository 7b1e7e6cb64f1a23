#include "common/models/desa2va/fixed_objects.h"

#include <algorithm>

#include <gmock/gmock.h>

namespace desa2va::models {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FixedObjects, FewerObjectsAreRepeatedAsAList) {
  const std::vector<SampleCounts> samples = {{2, 2, 2}};
  const auto entries = fix_objects(samples, 5, {});
  EXPECT_THAT(entries.prompt_index, ElementsAre(0, 1, 0, 1, 0, 0, 1, 0, 1, 0));
  EXPECT_THAT(entries.frame_index, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1, 1, 1));
  // Object-major rows: object 1 of frame 0 is row 2.
  EXPECT_THAT(entries.mask_index, ElementsAre(0, 2, 0, 2, 0, 1, 3, 1, 3, 1));
}

TEST(FixedObjects, RowsBeyondTheSmallerCountAreLeftOut) {
  const std::vector<SampleCounts> samples = {{3, 1, 1}, {1, 2, 1}};
  const auto entries = fix_objects(samples, 2, {});
  EXPECT_THAT(entries.prompt_index, ElementsAre(0, 0, 3, 3));
  EXPECT_THAT(entries.mask_index, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(entries.frame_index, ElementsAre(0, 0, 1, 1));
}

TEST(FixedObjects, ASampleWithoutPromptsOrObjectsGivesNoEntries) {
  const std::vector<SampleCounts> samples = {{0, 3, 2}, {2, 0, 1}};
  EXPECT_THAT(fix_objects(samples, 5, {}).frame_index, IsEmpty());
}

TEST(FixedObjects, EveryCrowdedFrameDrawsItsOwnPermutation) {
  const std::vector<SampleCounts> samples = {{1, 1, 1}, {4, 4, 2}};
  std::vector<std::int64_t> draws;
  const auto entries = fix_objects(samples, 2, [&](auto draw, auto sample, auto frame, auto count) {
    EXPECT_EQ(sample, 1);
    EXPECT_EQ(frame, draw);
    EXPECT_EQ(count, 4);
    draws.push_back(draw);
    return std::vector<std::int64_t>{3 - draw, 0, 1, 2};
  });
  EXPECT_THAT(draws, ElementsAre(0, 1));
  EXPECT_THAT(entries.prompt_index, ElementsAre(0, 0, 4, 1, 3, 1));
}

TEST(FixedObjects, CounterDrawsArePermutationsThatDependOnTheFrame) {
  const auto draw = counter_draws(7, 3);
  auto first = draw(0, 0, 0, 20), second = draw(1, 0, 1, 20);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, counter_draws(7, 3)(5, 0, 0, 20)) << "the draw's number must not matter";
  std::sort(first.begin(), first.end());
  for (std::int64_t i = 0; i < 20; ++i) EXPECT_EQ(first[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace desa2va::models
