#include "common/preprocess/image/tiles.h"

#include <cmath>
#include <limits>

#include "common/preprocess/image/resize.h"

namespace desa2va::preprocess {

TileGrid choose_grid(int width, int height, const TilingOptions& options) {
  const double aspect = static_cast<double>(width) / height;
  const double pixels = static_cast<double>(width) * height;
  const double tile_pixels = static_cast<double>(options.tile_size) * options.tile_size;
  double best = std::numeric_limits<double>::infinity();
  TileGrid kept;
  for (int tiles = options.min_tiles; tiles <= options.max_tiles; ++tiles) {
    for (int columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns != 0) continue;
      const TileGrid grid{columns, tiles / columns};
      const double difference = std::abs(aspect - static_cast<double>(grid.columns) / grid.rows);
      if (difference < best) {
        best = difference;
        kept = grid;
      } else if (difference == best && pixels > 0.5 * tile_pixels * tiles) {
        kept = grid;
      }
    }
  }
  return kept;
}

int tile_count(TileGrid grid, const TilingOptions& options) {
  const int tiles = grid.columns * grid.rows;
  return tiles + (options.thumbnail && tiles != 1 ? 1 : 0);
}

std::vector<Image> make_tiles(const Image& image, const TilingOptions& options) {
  const TileGrid grid = choose_grid(image.width, image.height, options);
  const int size = options.tile_size;
  const Image resized = resize_bicubic(image, size * grid.columns, size * grid.rows);
  std::vector<Image> tiles;
  for (int row = 0; row < grid.rows; ++row)
    for (int column = 0; column < grid.columns; ++column)
      tiles.push_back(crop(resized, column * size, row * size, size, size));
  if (static_cast<int>(tiles.size()) < tile_count(grid, options))
    tiles.push_back(resize_bicubic(image, size, size));
  return tiles;
}

}  // namespace desa2va::preprocess
