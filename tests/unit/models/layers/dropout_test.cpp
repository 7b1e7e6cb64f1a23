#include "common/models/layers/dropout.h"

#include <gtest/gtest.h>

#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

const DropoutPlan kPlan{.rate = 0.25, .seed = 42, .microbatch = 5, .max_length = 100};

TEST(DropoutMask, EveryElementIsItsOwnCounter) {
  const std::int64_t channels = 6;  // no multiple of the four words of a block
  const auto mask = dropout_mask(kPlan, "3.q_proj", 2, 7, channels);
  const Random random(42, "lora_dropout", "3.q_proj", 5);
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t position = 0; position < 7; ++position) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto element = static_cast<std::uint64_t>((row * 100 + position) * channels + c);
        const float expected =
            random.uniform(element) >= 0.25 ? static_cast<float>(1 / 0.75) : 0.0F;
        ASSERT_EQ(mask[row][position][c].item<float>(), expected) << row << " " << position;
      }
    }
  }
}

TEST(DropoutMask, PaddingDoesNotChangeRealTokens) {
  const auto narrow = dropout_mask(kPlan, "0.up_proj", 2, 5, 8);
  const auto padded = dropout_mask(kPlan, "0.up_proj", 2, 9, 8);
  EXPECT_TRUE(test::is_equal(narrow, padded.slice(1, 0, 5).contiguous()));
}

TEST(DropoutMask, SitesAndMicrobatchesDiffer) {
  const auto mask = dropout_mask(kPlan, "0.up_proj", 1, 50, 16);
  auto later = kPlan;
  later.microbatch = 6;
  EXPECT_FALSE(at::equal(mask, dropout_mask(later, "0.up_proj", 1, 50, 16)));
  EXPECT_FALSE(at::equal(mask, dropout_mask(kPlan, "1.up_proj", 1, 50, 16)));
  EXPECT_NEAR(mask.mean().item<double>(), 1.0, 0.1);
}

TEST(DropoutMask, ImpossibleRatesAndLengthsThrow) {
  auto plan = kPlan;
  plan.rate = 1;
  EXPECT_THROW(dropout_mask(plan, "x", 1, 5, 8), c10::Error);
  EXPECT_THROW(dropout_mask(kPlan, "x", 1, 101, 8), c10::Error);
}

}  // namespace
}  // namespace desa2va::models
