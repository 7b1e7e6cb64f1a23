#include "common/evaluation/masks/overlap.h"

#include <gtest/gtest.h>

namespace desa2va::evaluation {
namespace {

using preprocess::Rle;

TEST(Overlap, CountsPixelsOfBothMasks) {
  const Rle truth{4, 1, {1, 2, 1}};
  const Rle prediction{4, 1, {2, 2}};
  const auto got = overlap(truth, prediction);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->intersection, 1);
  EXPECT_EQ(got->united, 3);
  EXPECT_EQ(got->truth, 2);
}

TEST(Overlap, OfDifferentSizesIsRefused) {
  EXPECT_FALSE(overlap(Rle{4, 1, {4}}, Rle{1, 4, {4}}).has_value());
}

TEST(ReferringScore, LeavesUnansweredQueriesOutOfCiouUnlessAsked) {
  ReferringScore score;
  score.add(Overlap{6, 10, 8});
  score.add_unanswered(10);
  EXPECT_NEAR(score.ciou(false), 0.6, 1e-9);
  EXPECT_NEAR(score.ciou(true), 0.3, 1e-9);
  EXPECT_NEAR(score.giou_answered(), 0.6, 1e-9);
  EXPECT_NEAR(score.giou_missing_as_zero(), 0.3, 1e-9);
  EXPECT_NEAR(score.giou_reference(), 0.3, 1e-6);
}

TEST(ReferringScore, OfNothingAgainstNothingIsOneInTheMean) {
  ReferringScore score;
  score.add(Overlap{0, 0, 0});
  EXPECT_EQ(score.giou_answered(), 1);
  EXPECT_EQ(score.giou_reference(), 1);
  EXPECT_EQ(score.ciou(true), 0);
}

TEST(ReferringScore, WithoutQueriesIsZero) {
  const ReferringScore score;
  EXPECT_EQ(score.ciou(true), 0);
  EXPECT_EQ(score.giou_reference(), 0);
}

TEST(ReferringScore, PartsAddUpToTheWhole) {
  ReferringScore whole;
  ReferringScore first;
  ReferringScore second;
  for (ReferringScore* score : {&whole, &first}) score->add(Overlap{1, 2, 1});
  for (ReferringScore* score : {&whole, &second}) score->add_unanswered(7);
  first.add(second);
  EXPECT_EQ(first.ciou(true), whole.ciou(true));
  EXPECT_EQ(first.giou_reference(), whole.giou_reference());
  EXPECT_EQ(first.queries(), 2U);
}

}  // namespace
}  // namespace desa2va::evaluation
