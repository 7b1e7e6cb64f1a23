#include "common/training/optim/adamw.h"

#include <cmath>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "tests/support/tensor_matchers.h"

namespace desa2va::training {
namespace {

using Tensors = AdamW::Tensors;
constexpr double kLr = 0.1;

Tensors one(const char* name, double value) {
  return {{name, at::full({3}, value)}};
}

TEST(AdamW, TheFirstUpdateIsDecayThenOneLearningRate) {
  AdamW optimizer({0.9, 0.999, 1e-8, 0.05});
  auto parameters = one("a", 2.0);
  optimizer.step(parameters, one("a", 0.3), kLr);
  EXPECT_NEAR(parameters["a"][0].item<float>(), 2.0 * (1 - kLr * 0.05) - kLr, 1e-6);
}

TEST(AdamW, WithoutGradientNothingMoves) {
  AdamW optimizer({});
  Tensors parameters = one("a", 2.0);
  parameters["b"] = at::full({3}, 5.0);
  optimizer.step(parameters, {{"a", at::full({3}, 1.0)}, {"b", at::Tensor()}}, kLr);
  EXPECT_EQ(parameters["b"][0].item<float>(), 5.0F);
  EXPECT_FALSE(optimizer.state().contains("steps.b"));
}

TEST(AdamW, ZeroGradientStillDecaysAndCounts) {
  AdamW optimizer({});
  Tensors parameters = one("a", 2.0);
  optimizer.step(parameters, one("a", 0.0), kLr);
  EXPECT_LT(parameters["a"][0].item<float>(), 2.0F);
  EXPECT_EQ(optimizer.state().at("steps.a").item<std::int64_t>(), 1);
}

TEST(AdamW, ScaleIsAppliedToTheGradient) {
  AdamW scaled({}), plain({});
  Tensors a = one("a", 2.0), b = one("a", 2.0);
  scaled.step(a, one("a", 0.8), kLr, 0.5);
  plain.step(b, one("a", 0.4), kLr);
  EXPECT_TRUE(test::is_equal(a["a"], b["a"]));
  EXPECT_TRUE(test::is_equal(scaled.state().at("exp_avg.a"), plain.state().at("exp_avg.a")));
}

TEST(AdamW, RestoredStateGoesOnWithTheSameBits) {
  AdamW straight({});
  Tensors a = one("a", 2.0);
  straight.step(a, one("a", 0.7), kLr);
  Tensors b = {{"a", a["a"].clone()}};
  AdamW resumed({});
  resumed.restore(straight.state());
  straight.step(a, one("a", -0.2), kLr);
  resumed.step(b, one("a", -0.2), kLr);
  EXPECT_TRUE(test::is_equal(a["a"], b["a"]));
}

TEST(AdamW, BrokenStateIsRefusedAndTheOldOneStays) {
  AdamW optimizer({});
  Tensors a = one("a", 2.0);
  optimizer.step(a, one("a", 0.7), kLr);
  EXPECT_THROW(optimizer.restore({{"exp_avg.a", at::full({3}, 0.0)}}), c10::Error);
  EXPECT_THROW(optimizer.restore({{"momentum.a", at::full({3}, 0.0)}}), c10::Error);
  EXPECT_EQ(optimizer.state().at("steps.a").item<std::int64_t>(), 1);
}

TEST(AdamW, MismatchedGradientsChangeNothing) {
  AdamW optimizer({});
  Tensors a = one("a", 2.0);
  EXPECT_THROW(optimizer.step(a, {{"a", at::full({4}, 1.0)}}, kLr), c10::Error);
  EXPECT_THROW(optimizer.step(a, {{"a", at::full({3}, 1.0)}, {"b", at::full({3}, 1.0)}}, kLr),
               c10::Error);
  EXPECT_EQ(a["a"][0].item<float>(), 2.0F);
}

TEST(AdamW, NarrowParametersAreRefusedAndNothingMoves) {
  AdamW optimizer({});
  Tensors parameters = one("a", 1.0);
  parameters["b"] = at::full({3}, 1.0, at::TensorOptions().dtype(at::kBFloat16));
  EXPECT_THROW(
      optimizer.step(parameters, {{"a", at::full({3}, 1.0)}, {"b", at::full({3}, 1.0)}}, kLr),
      c10::Error);
  EXPECT_EQ(parameters["a"][0].item<float>(), 1.0F);
}

TEST(AdamW, DroppedTensorsStartAgainFromStepOne) {
  AdamW optimizer({});
  Tensors a = one("a", 2.0);
  optimizer.step(a, one("a", 0.7), kLr);
  optimizer.drop_all_but({});
  EXPECT_TRUE(optimizer.state().empty());
}

}  // namespace
}  // namespace desa2va::training
