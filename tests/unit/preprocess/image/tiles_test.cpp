#include "common/preprocess/image/tiles.h"

#include <gtest/gtest.h>

#include "common/preprocess/image/resize.h"
#include "tests/unit/preprocess/image/pictures.h"

namespace desa2va::preprocess {
namespace {

struct GridCase {
  int width, height, columns, rows, tiles;
};

class ChooseGrid : public testing::TestWithParam<GridCase> {};

TEST_P(ChooseGrid, FitsTheAspectRatio) {
  const GridCase& one = GetParam();
  const TileGrid grid = choose_grid(one.width, one.height);
  EXPECT_EQ(grid, (TileGrid{one.columns, one.rows}));
  EXPECT_EQ(tile_count(grid), one.tiles);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ChooseGrid,
                         testing::Values(GridCase{640, 480, 4, 3, 13}, GridCase{480, 640, 3, 4, 13},
                                         GridCase{640, 427, 3, 2, 7}, GridCase{640, 640, 2, 2, 5},
                                         GridCase{1024, 1024, 3, 3, 10},
                                         GridCase{1920, 1080, 4, 2, 9}, GridCase{640, 360, 2, 1, 3},
                                         GridCase{633, 634, 1, 1, 1}, GridCase{224, 224, 1, 1, 1},
                                         // Half-way between two ratios.
                                         GridCase{700, 400, 2, 1, 3},
                                         GridCase{1400, 800, 4, 2, 9}));

TEST(MakeTiles, AreTheResizedPictureRowByRowAndThenTheThumbnail) {
  TilingOptions options;
  options.tile_size = 14;
  const Image image = random_picture(40, 27, 1);
  const auto tiles = make_tiles(image, options);
  const TileGrid grid = choose_grid(40, 27, options);
  ASSERT_EQ(static_cast<int>(tiles.size()), tile_count(grid, options));
  const Image whole = resize_bicubic(image, 14 * grid.columns, 14 * grid.rows);
  EXPECT_TRUE(same_pixels(tiles[1], crop(whole, 14, 0, 14, 14)));
  EXPECT_TRUE(
      same_pixels(tiles[static_cast<std::size_t>(grid.columns)], crop(whole, 0, 14, 14, 14)));
  EXPECT_TRUE(same_pixels(tiles.back(), resize_bicubic(image, 14, 14)));
}

TEST(MakeTiles, OneTileHasNoThumbnail) {
  TilingOptions options;
  options.tile_size = 14;
  options.max_tiles = 1;
  EXPECT_EQ(make_tiles(random_picture(40, 27, 1), options).size(), 1U);
}

}  // namespace
}  // namespace desa2va::preprocess
