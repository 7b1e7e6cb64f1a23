#include "common/training/optim/norm.h"

#include <cmath>
#include <limits>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace desa2va::training {
namespace {

TEST(Norm, ChunksAddToTheWholeForAnyLength) {
  for (const std::int64_t n : {0, 1, 7, 8, 9, 65535, 65536, 65537, 200003}) {
    const auto x = at::arange(n, at::kFloat).remainder(5);
    const double expected = n == 0 ? 0 : x.to(at::kDouble).square().sum().item<double>();
    EXPECT_DOUBLE_EQ(squared_norm(x), expected) << n;
  }
}

TEST(Norm, StridedGradientsCountLikeDenseOnes) {
  const auto x = at::arange(12, at::kFloat).view({3, 4}).t();
  EXPECT_DOUBLE_EQ(squared_norm(x), 506);
}

TEST(Norm, OneBadElementMakesItNonFinite) {
  auto x = at::full({100}, 1.0);
  x[50].fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(squared_norm(x)));
}

TEST(Norm, GlobalNormIsOverAllTensorsThatHaveAGradient) {
  const auto squares =
      squared_norms({{"a", at::full({1}, 3.0)}, {"b", at::full({1}, 4.0)}, {"c", at::Tensor()}});
  EXPECT_EQ(squares.size(), 2U);
  EXPECT_DOUBLE_EQ(global_norm(squares), 5);
}

TEST(ClipFactor, IsOneBelowTheLimit) {
  EXPECT_DOUBLE_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_DOUBLE_EQ(clip_factor(4.0, 1.0), 1.0 / (4.0 + 1e-6));
}

}  // namespace
}  // namespace desa2va::training
