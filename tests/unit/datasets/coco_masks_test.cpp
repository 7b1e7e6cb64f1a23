#include "common/datasets/coco_masks.h"

#include <array>

#include <gtest/gtest.h>

namespace desa2va::datasets {
namespace {

using preprocess::rle_to_string;

Json json(const char* text) {
  return Json::parse(text);
}

TEST(Segmentation, PolygonsAreUnited) {
  const auto one = read_segmentation(json("[[1,1,4,1,4,3,1,3]]"), 5, 6);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(rle_to_string(one->mask), "6230009");
  EXPECT_EQ(one->polygons, 1U);
  EXPECT_EQ(read_segmentation(json("[[1,1,4,1,4,3,1,3],[1,1,4,1,4,3,1,3]]"), 5, 6)->polygons, 2U);
}

TEST(Segmentation, RunLengthsComeAsTextOrNumbers) {
  const auto text = read_segmentation(json(R"({"size":[5,6],"counts":"6230009"})"), 5, 6);
  const auto list = read_segmentation(json(R"({"size":[5,6],"counts":[6,2,3,2,3,2,12]})"), 5, 6);
  EXPECT_TRUE(text->compressed);
  EXPECT_FALSE(list->compressed);
  EXPECT_EQ(text->mask, list->mask);
  EXPECT_EQ(text->polygons, 0U);
}

TEST(Segmentation, AListOfRunLengthsIsUnited) {
  const auto joined = read_segmentation(
      json(R"([{"size":[5,6],"counts":"6230009"},{"size":[5,6],"counts":[0,1,29]}])"), 5, 6);
  EXPECT_EQ(preprocess::area(joined->mask), 7);
}

TEST(Segmentation, NothingIsAnEmptyMask) {
  EXPECT_EQ(preprocess::area(read_segmentation(json("[]"), 5, 6)->mask), 0);
}

TEST(FitTo, CopiesToTheTopLeftCorner) {
  const auto mask = *preprocess::rle_from_runs(2, 2, std::array<std::int64_t, 2>{0, 4});
  bool moved = false;
  const auto wide = fit_to(mask, 2, 3, moved);
  EXPECT_TRUE(moved);
  EXPECT_EQ(wide.width, 3);
  EXPECT_EQ(preprocess::area(wide), 4);
  moved = false;
  EXPECT_EQ(fit_to(mask, 2, 2, moved), mask);
  EXPECT_FALSE(moved);
}

}  // namespace
}  // namespace desa2va::datasets
