#pragma once

#include <vector>

#include "common/preprocess/image/image.h"

// Dynamic tiling of InternVL: a picture as a grid of square tiles that fits its aspect ratio.
namespace desa2va::preprocess {

struct TilingOptions {
  int min_tiles = 1;
  int max_tiles = 12;
  int tile_size = 448;    // px
  bool thumbnail = true;  // the whole picture as last tile, where there is more than one
};

struct TileGrid {
  int columns = 1;
  int rows = 1;
  bool operator==(const TileGrid&) const = default;
};

// The grid with the smallest |width/height - columns/rows| among those of min..max tiles, visited
// by growing count; an equal difference takes the larger one only where the picture has more
// than half of its pixels.
TileGrid choose_grid(int width, int height, const TilingOptions& options = {});

// Tiles of that grid, thumbnail included.
int tile_count(TileGrid grid, const TilingOptions& options = {});

// Bicubic to the size of the grid (no regard for the aspect ratio), cut row by row; the thumbnail
// comes last. Each tile is tile_size x tile_size.
std::vector<Image> make_tiles(const Image& image, const TilingOptions& options = {});

}  // namespace desa2va::preprocess
