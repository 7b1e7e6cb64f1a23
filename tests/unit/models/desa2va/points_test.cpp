#include "common/models/desa2va/points.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

namespace desa2va::models {
namespace {

config::LossConfig small_loss() {
  config::LossConfig loss;
  loss.num_points = 10;
  return loss;
}

TEST(Points, CountsAreTruncatedNotRounded) {
  const auto counts = PointCounts::of(small_loss());
  EXPECT_EQ(counts.candidates, 30);
  EXPECT_EQ(counts.kept, 7);  // 7.5
  EXPECT_EQ(counts.fresh, 3);
}

TEST(Points, AnEntryHasTheSamePointsHoweverManyFollow) {
  const auto few = point_draws(1, "visual", 2, 5, small_loss());
  const auto many = point_draws(1, "visual", 6, 5, small_loss());
  EXPECT_TRUE(at::equal(few.uncertainty, many.uncertainty.slice(0, 0, 2)));
  EXPECT_TRUE(at::equal(few.fresh, many.fresh.slice(0, 0, 2)));
}

TEST(Points, BranchesMicrobatchesAndSeedsDiffer) {
  const auto base = point_draws(1, "visual", 1, 5, small_loss()).fresh;
  EXPECT_FALSE(at::equal(base, point_draws(1, "text", 1, 5, small_loss()).fresh));
  EXPECT_FALSE(at::equal(base, point_draws(1, "visual", 1, 6, small_loss()).fresh));
  EXPECT_FALSE(at::equal(base, point_draws(2, "visual", 1, 5, small_loss()).fresh));
}

}  // namespace
}  // namespace desa2va::models
