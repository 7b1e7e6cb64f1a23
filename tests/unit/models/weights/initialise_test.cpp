#include "common/models/weights/initialise.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/models/layers/layers.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

TEST(Initialise, ATensorDependsOnSeedAndNameOnly) {
  const Linear a(16, 8), b(16, 8);
  auto alone = named_tensors(a, "p.");
  NamedTensors among = named_tensors(b, "p.");
  const Linear other(4, 4);
  among.merge(named_tensors(other, "a."));
  initialise(alone, 7);
  initialise(among, 7);
  EXPECT_TRUE(test::is_equal(a.weight, b.weight));
  initialise(alone, 8);
  EXPECT_FALSE(at::equal(a.weight, b.weight));
  initialise(named_tensors(a, "q."), 7);
  EXPECT_FALSE(at::equal(a.weight, b.weight));
}

TEST(Initialise, LinearsAndConvolutionsAreUniformWithinTheirFanIn) {
  const Linear linear(64, 32);
  const Conv2d conv(4, 16, {.kernel = 3, .stride = 1, .padding = 1, .groups = 2});
  initialise(named_tensors(linear), 1);
  initialise(named_tensors(conv), 1);
  for (const auto& [tensor, fan_in] : {std::pair{linear.weight, 64.0},
                                       {linear.bias, 64.0},
                                       {conv.weight, 18.0},
                                       {conv.bias, 18.0}}) {
    const double bound = 1 / std::sqrt(fan_in);
    EXPECT_LE(tensor.abs().max().item<double>(), bound);
    EXPECT_GT(tensor.abs().max().item<double>(), bound * 0.7);
  }
}

TEST(Initialise, NormsAreTheIdentity) {
  const LayerNorm norm(5);
  initialise(named_tensors(norm), 1);
  EXPECT_EQ(norm.weight.sum().item<float>(), 5.0F);
  EXPECT_EQ(norm.bias.abs().sum().item<float>(), 0.0F);
}

TEST(Initialise, RulesComeFirstAndTheFirstRuleWins) {
  const Linear linear(100, 100);
  initialise(named_tensors(linear, "x."), 3,
             {{"x.weight", Fill::normal(0.02)}, {"x.", Fill::constant(4)}});
  EXPECT_EQ(linear.bias.mean().item<float>(), 4.0F);
  EXPECT_NEAR(linear.weight.std().item<double>(), 0.02, 0.001);
  EXPECT_EQ(linear.weight.flatten()[0].item<float>(), [] {
    float x = 0;
    Random(3, "init", "x.weight").fill_normal({&x, 1});
    return x * 0.02F;
  }());
}

TEST(Initialise, TruncatedNormalStaysWithinTwoDeviations) {
  const Linear linear(100, 100);
  fill(linear.weight, "w", 3, Fill::truncated_normal(0.02));
  EXPECT_LE(linear.weight.abs().max().item<double>(), 0.04 + 1e-7);
  EXPECT_NEAR(linear.weight.std().item<double>(), 0.0176, 0.001);
}

TEST(Initialise, TensorsThatNobodyCoversThrow) {
  torch::nn::Module module;
  module.register_parameter("token", at::empty({1, 4}), false);
  EXPECT_THROW(initialise(named_tensors(module), 1), c10::Error);
}

}  // namespace
}  // namespace desa2va::models
