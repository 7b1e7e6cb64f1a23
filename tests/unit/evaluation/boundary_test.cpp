#include <gtest/gtest.h>

#include "common/evaluation/masks/boundary.h"

namespace desa2va::evaluation {
namespace {

Mask mask_of(int width, std::vector<std::uint8_t> pixels) {
  const int height = static_cast<int>(pixels.size()) / width;
  return Mask{width, height, std::move(pixels)};
}

// Some rectangles, put and taken away.
Mask random_mask(int width, int height, std::uint64_t seed) {
  Mask mask = Mask::zeros(width, height);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 1;
  const auto draw = [&](int below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<int>((state >> 33U) % static_cast<std::uint64_t>(below));
  };
  for (int i = 0; i < 5; ++i) {
    const int x0 = draw(width);
    const int y0 = draw(height);
    const int x1 = x0 + draw(width - x0) + 1;
    const int y1 = y0 + draw(height - y0) + 1;
    for (int y = y0; y < y1; ++y)
      for (int x = x0; x < x1; ++x)
        mask.pixels[static_cast<std::size_t>(y * width + x)] = i % 3 == 2 ? 0 : 1;
  }
  return mask;
}

// By the definition: every pixel against every other.
double slow_share(const Mask& of, const Mask& near, int radius) {
  int total = 0;
  int hits = 0;
  for (int y = 0; y < of.height; ++y) {
    for (int x = 0; x < of.width; ++x) {
      if (of.pixels[static_cast<std::size_t>(y * of.width + x)] == 0) continue;
      ++total;
      bool hit = false;
      for (int v = 0; v < of.height && !hit; ++v)
        for (int u = 0; u < of.width && !hit; ++u)
          hit = near.pixels[static_cast<std::size_t>(v * of.width + u)] != 0 &&
                (u - x) * (u - x) + (v - y) * (v - y) <= radius * radius;
      hits += hit ? 1 : 0;
    }
  }
  return static_cast<double>(hits) / total;
}

TEST(Boundary, LooksRightDownAndDiagonally) {
  // clang-format off
  const Mask edge = boundary(mask_of(4, {0, 0, 0, 0,
                                         0, 1, 0, 0,
                                         0, 0, 0, 0}));
  EXPECT_EQ(edge.pixels, (std::vector<std::uint8_t>{1, 1, 0, 0,
                                                    1, 1, 0, 0,
                                                    0, 0, 0, 0}));
  // clang-format on
}

TEST(Boundary, OfAFullMaskIsEmpty) {
  EXPECT_EQ(boundary(mask_of(3, std::vector<std::uint8_t>(9, 1))).area(), 0);
}

TEST(Boundary, LastRowLooksRightAndLastColumnDown) {
  // clang-format off
  const Mask edge = boundary(mask_of(2, {0, 0,
                                         0, 1}));
  EXPECT_EQ(edge.pixels, (std::vector<std::uint8_t>{1, 1,
                                                    1, 0}));
  // clang-format on
}

TEST(Boundary, RadiusIsTheShareOfTheDiagonalRoundedUp) {
  EXPECT_EQ(boundary_radius(854, 480), 8);
  EXPECT_EQ(boundary_radius(1920, 1080), 18);
  EXPECT_EQ(boundary_radius(7, 5), 1);
}

TEST(BoundaryF, EqualsTheDefinitionForAnyMasksAndRadii) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Mask truth = random_mask(31, 23, seed);
    const Mask prediction = random_mask(31, 23, seed + 1000);
    const Mask truth_edge = boundary(truth);
    const Mask predicted_edge = boundary(prediction);
    if (truth_edge.area() == 0 || predicted_edge.area() == 0) continue;
    for (const int radius : {0, 1, 2, 3, 5, 8, 40}) {
      const double precision = slow_share(predicted_edge, truth_edge, radius);
      const double recall = slow_share(truth_edge, predicted_edge, radius);
      const double expected =
          precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall);
      const auto got = boundary_f(truth, prediction, radius);
      ASSERT_TRUE(got.has_value());
      EXPECT_DOUBLE_EQ(*got, expected) << "seed " << seed << ", radius " << radius;
    }
  }
}

TEST(BoundaryF, WithoutAnyBoundaryIsOneAndWithOneSideZero) {
  const Mask empty = Mask::zeros(8, 8);
  Mask full = empty;
  full.pixels.assign(64, 1);
  Mask blob = empty;
  blob.pixels[27] = 1;
  EXPECT_EQ(*boundary_f(empty, full, 1), 1);
  EXPECT_EQ(*boundary_f(empty, blob, 1), 0);
  EXPECT_EQ(*boundary_f(blob, full, 1), 0);
}

TEST(RegionJ, OfTwoEmptyMasksIsOne) {
  EXPECT_EQ(*region_j(Mask::zeros(3, 2), Mask::zeros(3, 2)), 1);
}

TEST(RegionJ, RefusesOtherSizesAndNamesBoth) {
  const auto got = region_and_boundary(Mask::zeros(3, 2), Mask::zeros(2, 3));
  ASSERT_FALSE(got.has_value());
  EXPECT_NE(got.error().message().find("2x3"), std::string::npos);
  EXPECT_NE(got.error().message().find("3x2"), std::string::npos);
}

TEST(RegionAndBoundary, OfAMaskWithoutPixelsIsOne) {
  const auto got = region_and_boundary(Mask::zeros(0, 0), Mask::zeros(0, 0));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->j, 1);
  EXPECT_EQ(got->f, 1);
}

}  // namespace
}  // namespace desa2va::evaluation
