#include "common/config/nearest.h"

#include <gtest/gtest.h>

namespace desa2va::config {
namespace {

TEST(EditDistance, CountsEditsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("abc", "abd"), 1U);
  EXPECT_EQ(edit_distance("abc", "acb"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, NothingNearIsNothing) {
  EXPECT_FALSE(nearest("completely.other", {"train.lr", "run.dir"}).has_value());
}

TEST(Nearest, TheSmallestDistanceWins) {
  EXPECT_EQ(nearest("train.step", {"train.stop_after", "train.steps", "train.eps"}), "train.steps");
}

}  // namespace
}  // namespace desa2va::config
