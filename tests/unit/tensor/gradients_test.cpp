#include "common/tensor/gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace desa2va::tensor {
namespace {

at::Tensor leaf(double value) {
  return at::full({2}, value).requires_grad_(true);
}

TEST(Gradients, SumOverOutputsAndUndefinedWhereNothingDepends) {
  const auto x = leaf(3), y = leaf(2), unused = leaf(1);
  const auto g =
      gradients({x * y, x * 5}, {at::full({2}, 1.0), at::full({2}, 10.0)}, {x, y, unused});
  EXPECT_EQ(g[0][0].item<float>(), 52.0F);
  EXPECT_EQ(g[1][0].item<float>(), 3.0F);
  EXPECT_FALSE(g[2].defined());
  EXPECT_FALSE(x.grad().defined());
}

TEST(Gradients, OutputsWithoutGraphAreLeftOut) {
  const auto x = leaf(3);
  const auto g = gradients({x.detach() * 2}, {at::full({2}, 1.0)}, {x});
  EXPECT_FALSE(g[0].defined());
}

TEST(NoGradient, EndsWithItsScope) {
  const auto x = leaf(3);
  {
    const NoGradient no_gradient;
    EXPECT_FALSE((x * 2).requires_grad());
  }
  EXPECT_TRUE((x * 2).requires_grad());
}

}  // namespace
}  // namespace desa2va::tensor
