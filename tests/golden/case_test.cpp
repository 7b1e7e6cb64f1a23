#include "tests/golden/case.h"

#include <algorithm>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "common/tensor/bridge.h"
#include "tests/golden/formula.h"

// The judge, judged: what differs must fail.
namespace desa2va::golden {
namespace {

HostTensor host(const at::Tensor& x) {
  return tensor::copy_to_host(x);
}

Case make(std::map<std::string, HostTensor> tensors, nlohmann::json extra = {}) {
  nlohmann::json spec = {{"module", "x"},
                         {"config", nlohmann::json::object()},
                         {"weights", "stored"},
                         {"tolerance", {{"out", 1e-4}, {"grad", 1e-3}}}};
  spec.update(extra.is_null() ? nlohmann::json::object() : extra);
  return Case("x.safetensors", spec, std::move(tensors), {});
}

bool passes(Case& c) {
  c.finish();
  return std::ranges::all_of(c.lines(), [](const Case::Line& line) { return line.good; });
}

bool accepts(const at::Tensor& want, const at::Tensor& got) {
  auto c = make({{"out/y", host(want)}});
  c.out("y", got);
  return passes(c);
}

TEST(GoldenCase, DifferencesAreRelativeToTheLargestElement) {
  EXPECT_TRUE(accepts(at::tensor({100.0F, 0.0F}), at::tensor({100.0F, 0.009F})));
  EXPECT_FALSE(accepts(at::tensor({100.0F, 0.0F}), at::tensor({100.0F, 0.011F})));
  EXPECT_TRUE(accepts(at::tensor({0.0F}), at::tensor({0.9e-10F})));
}

TEST(GoldenCase, NotANumberNeverPasses) {
  EXPECT_FALSE(accepts(at::tensor({1.0F}), at::tensor({std::numeric_limits<float>::quiet_NaN()})));
  EXPECT_FALSE(accepts(at::tensor({1.0F}), at::Tensor()));
}

TEST(GoldenCase, ShapesMustAgreeExceptOneAgainstScalar) {
  EXPECT_TRUE(accepts(at::tensor({1.0F}), at::full({}, 1.0)));
  EXPECT_FALSE(accepts(at::full({2, 3}, 1.0), at::full({3, 2}, 1.0)));
}

TEST(GoldenCase, IntegersAreEqualOrWrongWhateverTheirWidth) {
  EXPECT_TRUE(accepts(at::tensor({3, 4}, at::kLong), at::tensor({3, 4}, at::kInt)));
  EXPECT_FALSE(accepts(at::tensor({3, 400000}, at::kLong), at::tensor({3, 400001}, at::kLong)));
}

TEST(GoldenCase, WhatNobodyComparedFails) {
  auto c = make({{"out/y", host(at::tensor({1.0F}))}, {"gw/w", host(at::tensor({1.0F}))}});
  c.out("y", at::tensor({1.0F}));
  EXPECT_FALSE(passes(c));
  auto nothing = make({});
  EXPECT_FALSE(passes(nothing));
}

TEST(GoldenCase, SamplesAreTakenAtTheirIndices) {
  const auto index = host(at::tensor({5, 1}, at::kLong));
  const auto values = at::tensor({0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F}).view({2, 3});
  auto good = make({{"sample/y", host(at::tensor({5.0F, 1.0F}))}, {"index/y", index}},
                   {{"shapes", {{"y", {2, 3}}}}});
  good.out("y", values);
  EXPECT_TRUE(passes(good));
  auto bad = make({{"sample/y", host(at::tensor({5.0F, 2.0F}))}, {"index/y", index}});
  bad.out("y", values);
  EXPECT_FALSE(passes(bad));
}

TEST(GoldenCase, GradientsOfTheObjectiveAreCompared) {
  const auto run = [](double expected) {
    auto c = make({{"in/x", host(at::tensor({2.0F}))},
                   {"out/y", host(at::tensor({4.0F}))},
                   {"cot/y", host(at::tensor({3.0F}))},
                   {"gi/x", host(at::full({1}, expected))}});
    const auto x = c.leaf("x");
    c.out("y", x * x);
    c.backward(c.objective(), {{"x", x}}, {});
    return passes(c);
  };
  EXPECT_TRUE(run(12.0));
  EXPECT_FALSE(run(12.1));
}

TEST(GoldenCase, RulesForMissingZeroAndNoisyGradientsHold) {
  const auto run = [](const char* key, const at::Tensor& g) {
    auto c = make({{"gw/w", host(at::tensor({1.0F}))}}, {{key, {"v"}}});
    c.gradients({}, {{"w", at::tensor({1.0F})}, {"v", g}});
    return passes(c);
  };
  EXPECT_TRUE(run("grad_none", {}));
  EXPECT_FALSE(run("no_grad", at::tensor({0.0F})));
  EXPECT_TRUE(run("grad_zero", at::tensor({0.0F})));
  EXPECT_FALSE(run("grad_zero", at::tensor({1e-9F})));
  EXPECT_TRUE(run("grad_noise", at::tensor({1e-6F})));
  EXPECT_FALSE(run("zero_grad", at::tensor({1e-4F})));
  EXPECT_FALSE(run("trainable", at::tensor({1.0F}))) << "w has a gradient and is not listed";
}

TEST(GoldenCase, EveryWeightNeedsItsTensorAndEveryTensorItsWeight) {
  const auto one = at::tensor({1.0F});
  EXPECT_NO_THROW(make({{"w/a", host(one)}}).fill_weights({{"a", one.clone()}}));
  EXPECT_THROW(make({{"w/a", host(one)}}).fill_weights({}), c10::Error);
  EXPECT_THROW(make({}).fill_weights({{"a", one.clone()}}), c10::Error);
}

TEST(Formula, StaysWithinItsRangeAndDependsOnNameAndIndex) {
  const auto x = formula("in/x", {1000}, 2, 5);
  EXPECT_GE(x.min().item<float>(), 3.0F);
  EXPECT_LE(x.max().item<float>(), 7.0F);
  EXPECT_NEAR(x.mean().item<float>(), 5.0F, 0.2F);
  EXPECT_FALSE(formula("in/y", {1000}, 2, 5).equal(x));
  EXPECT_NEAR(formula_weight("encoder.ls1", {100}).mean().item<float>(), 0.1F, 0.01F);
  EXPECT_NEAR(formula_weight("norm.weight", {100}).mean().item<float>(), 1.0F, 0.05F);
  EXPECT_LE(formula_weight("fc.weight", {8, 12}).max().item<float>(), 0.5F);
}

}  // namespace
}  // namespace desa2va::golden
