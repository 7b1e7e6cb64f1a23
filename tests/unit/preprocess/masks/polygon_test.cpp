#include "common/preprocess/masks/polygon.h"

#include <array>
#include <limits>

#include <gtest/gtest.h>

namespace desa2va::preprocess {
namespace {

std::string drawn(const std::vector<double>& xy, int height = 5, int width = 6) {
  const auto rle = rasterize_polygon(xy, height, width);
  return rle ? rle_to_string(*rle) : rle.error().message();
}

// Values from pycocotools.
TEST(Polygon, GivesTheMasksOfCoco) {
  EXPECT_EQ(drawn({1, 1, 4, 1, 4, 3, 1, 3}), "6230009");
  EXPECT_EQ(drawn({0, 0, 5, 0, 0, 4}), "041O1O1O;");
}

TEST(Polygon, DirectionAndFirstPointDoNotMatterForARectangle) {
  EXPECT_EQ(drawn({4, 3, 4, 1, 1, 1, 1, 3}), drawn({1, 1, 4, 1, 4, 3, 1, 3}));
}

TEST(Polygon, OutsideThePictureNothingIsDrawn) {
  EXPECT_EQ(drawn({10, 1, 14, 1, 14, 3}), rle_to_string(empty_rle(5, 6)));
}

TEST(Polygon, LargerThanThePictureFillsIt) {
  const auto rle = rasterize_polygon(std::vector<double>{-9, -9, 40, -9, 40, 40, -9, 40}, 5, 6);
  ASSERT_TRUE(rle.has_value());
  EXPECT_EQ(area(*rle), 30);
}

TEST(Polygon, TwoPointsAreRefused) {
  EXPECT_EQ(rasterize_polygon(std::vector<double>{1, 1, 2, 2}, 5, 6).error().code(),
            Errc::InvalidArgument);
}

TEST(Polygon, CoordinatesThatAreNoNumbersAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(rasterize_polygon(std::vector<double>{1, nan, 2, 2, 3, 3}, 5, 6).has_value());
  EXPECT_FALSE(rasterize_polygon(std::vector<double>{1, 1e300, 2, 2, 3, 3}, 5, 6).has_value());
}

TEST(Polygons, AreUnited) {
  const std::array<std::vector<double>, 2> both = {std::vector<double>{0, 0, 2, 0, 2, 2, 0, 2},
                                                   std::vector<double>{3, 3, 5, 3, 5, 5, 3, 5}};
  const auto joined = rasterize_polygons(both, 5, 6);
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(area(*joined),
            area(*rasterize_polygon(both[0], 5, 6)) + area(*rasterize_polygon(both[1], 5, 6)));
}

}  // namespace
}  // namespace desa2va::preprocess
