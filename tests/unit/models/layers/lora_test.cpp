#include "common/models/layers/lora.h"

#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include "common/models/weights/initialise.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

at::Tensor noise(at::IntArrayRef shape, const std::string& name) {
  auto x = at::empty(shape);
  fill(x, name, 1, Fill::normal(1));
  return x;
}

std::shared_ptr<LoraLinear> layer() {
  auto linear = std::make_shared<LoraLinear>(8, 6, true, config::LoraConfig{2, 6, 0.5}, "1.k_proj");
  initialise(named_tensors(*linear), 9);  // B too
  return linear;
}

TEST(LoraLinear, AddsTheScaledLowRankPath) {
  const auto linear = layer();
  const auto x = noise({2, 3, 8}, "x");
  const auto expected = at::linear(x, linear->merged_weight(), linear->bias);
  EXPECT_TRUE(test::is_close(linear->forward(x, {}), expected));
  EXPECT_TRUE(test::is_equal(linear->forward(x, {.enabled = false, .dropout = {}}),
                             at::linear(x, linear->weight, linear->bias)));
}

TEST(LoraLinear, DropsOnTheLowRankPathAlone) {
  const auto linear = layer();
  const auto x = noise({2, 3, 8}, "x");
  const DropoutPlan plan{.rate = 0.5, .seed = 4, .microbatch = 2, .max_length = 16};
  const auto dropped = drop(x, plan, "1.k_proj") / (1 - 0.5);
  const auto expected = at::linear(x, linear->weight, linear->bias) +
                        at::linear(at::linear(dropped, linear->lora_a), linear->lora_b) * 3.0;
  EXPECT_TRUE(test::is_close(linear->forward(x, {.enabled = true, .dropout = plan}), expected));
}

TEST(LoraLinear, RankZeroIsAPlainLinear) {
  const LoraLinear linear(8, 6, false, {0, 0, 0}, "x");
  EXPECT_EQ(named_tensors(linear).size(), 1U);
}

}  // namespace
}  // namespace desa2va::models
