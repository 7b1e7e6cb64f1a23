#include "common/models/layers/dropout.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

const DropoutPlan kPlan{.rate = 0.25, .seed = 42, .microbatch = 5, .max_length = 100};

TEST(Dropout, EveryElementIsItsOwnCounter) {
  const std::int64_t channels = 6;  // no multiple of the four words of a block
  const auto mask = kept_mask(kPlan, "3.q_proj", 2, 7, channels);
  const Random random(42, "lora_dropout", "3.q_proj", 5);
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t position = 0; position < 7; ++position) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto element = static_cast<std::uint64_t>((row * 100 + position) * channels + c);
        ASSERT_EQ(mask[row][position][c].item<bool>(), random.uniform(element) >= 0.25)
            << row << " " << position;
      }
    }
  }
}

TEST(Dropout, PaddingDoesNotChangeRealTokens) {
  const auto narrow = kept_mask(kPlan, "0.up_proj", 2, 5, 8);
  const auto padded = kept_mask(kPlan, "0.up_proj", 2, 9, 8);
  EXPECT_TRUE(test::is_equal(narrow, padded.slice(1, 0, 5).contiguous()));
}

TEST(Dropout, SitesAndMicrobatchesDiffer) {
  const auto mask = kept_mask(kPlan, "0.up_proj", 1, 50, 16);
  auto later = kPlan;
  later.microbatch = 6;
  EXPECT_FALSE(at::equal(mask, kept_mask(later, "0.up_proj", 1, 50, 16)));
  EXPECT_FALSE(at::equal(mask, kept_mask(kPlan, "1.up_proj", 1, 50, 16)));
  EXPECT_NEAR(mask.to(at::kFloat).mean().item<double>(), 0.75, 0.08);
}

TEST(Dropout, WhatIsDroppedIsZeroAndTheRestStays) {
  const auto mask = kept_mask(kPlan, "x", 2, 3, 4);
  EXPECT_TRUE(
      test::is_equal(drop(at::full({2, 3, 4}, 3.0), kPlan, "x"), mask.to(at::kFloat) * 3.0));
}

TEST(Dropout, ImpossibleRatesAndLengthsThrow) {
  auto plan = kPlan;
  plan.rate = 1;
  EXPECT_THROW(kept_mask(plan, "x", 1, 5, 8), c10::Error);
  EXPECT_THROW(kept_mask(kPlan, "x", 1, 101, 8), c10::Error);
}

}  // namespace
}  // namespace desa2va::models
