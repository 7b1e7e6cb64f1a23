#include "launcher/weights/merge.h"

#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace desa2va::launcher {
namespace {

std::vector<float> normal(std::size_t count, const std::string& name) {
  std::vector<float> values(count);
  Random(1, "test", name).fill_normal(values);
  return values;
}

TEST(AddProduct, IsTheProductForAnyShape) {
  for (const auto& [rows, rank, width] :
       {std::tuple{1, 1, 1}, {3, 2, 5}, {17, 7, 2049}, {64, 128, 96}, {5, 4, 4096}}) {
    const auto n = static_cast<std::size_t>(rows), r = static_cast<std::size_t>(rank),
               w = static_cast<std::size_t>(width);
    const auto start = normal(n * w, "w"), b = normal(n * r, "b"), a = normal(r * w, "a");
    auto got = start;
    add_product(got, b, a, r, 2.0F);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < w; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < r; ++k) sum += double{b[i * r + k]} * a[k * w + j];
        worst = std::max(worst, std::abs(start[i * w + j] + 2 * sum - got[i * w + j]));
      }
    }
    EXPECT_LT(worst, 2e-6 * std::sqrt(static_cast<double>(r)) * 4) << rows << rank << width;
  }
}

TEST(AddProduct, ARowWithoutUpdateKeepsItsBits) {
  std::vector<float> rows = {-0.0F, 1, 2, 3};
  const std::vector<float> b = {0, 0, 1, 0}, a = {5, 6, 7, 8};
  add_product(rows, b, a, 2, 2.0F);
  EXPECT_TRUE(std::signbit(rows[0]));
  EXPECT_EQ(rows[1], 1);
  EXPECT_EQ(rows[2], 12);
  EXPECT_EQ(rows[3], 15);
}

// Both ways through two linears, for many inputs: the folded one gives the same.
TEST(Fold, OneLinearDoesWhatTheTwoDid) {
  const std::size_t out = 16, mid = 16, in = 24;
  const auto w_v = normal(out * mid, "wv"), b_v = normal(out, "bv");
  const auto w_2 = normal(mid * in, "w2"), b_2 = normal(mid, "b2");
  const Folded folded = fold(w_v, b_v, w_2, b_2);
  const auto apply = [](std::span<const float> weight, std::span<const float> bias,
                        std::span<const double> x) {
    std::vector<double> y(bias.begin(), bias.end());
    for (std::size_t i = 0; i < y.size(); ++i)
      for (std::size_t j = 0; j < x.size(); ++j) y[i] += double{weight[i * x.size() + j]} * x[j];
    return y;
  };
  for (int round = 0; round < 20; ++round) {
    const auto drawn = normal(in, "x" + std::to_string(round));
    const std::vector<double> x(drawn.begin(), drawn.end());
    const auto two = apply(w_v, b_v, apply(w_2, b_2, x));
    const auto one = apply(folded.weight, folded.bias, x);
    for (std::size_t i = 0; i < out; ++i) EXPECT_NEAR(one[i], two[i], 2e-5);
  }
}

TEST(Fold, TheIdentityKeepsEveryBit) {
  const std::size_t side = 3, in = 2;
  const std::vector<float> identity = {1, 0, 0, 0, 1, 0, 0, 0, 1}, zero(side, 0);
  std::vector<float> weight = normal(side * in, "w");
  weight[2] = -0.0F;
  const auto bias = normal(side, "b");
  const Folded folded = fold(identity, zero, weight, bias);
  for (std::size_t i = 0; i < weight.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(folded.weight[i]),
              std::bit_cast<std::uint32_t>(weight[i]));
  EXPECT_EQ(folded.bias, bias);
}

}  // namespace
}  // namespace desa2va::launcher
