#pragma once

#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/preprocess/masks/rle.h"

namespace desa2va::preprocess {

// The pixels inside a polygon (x0, y0, x1, y1, ... in pixels), as pycocotools' `frPyObjects` draws
// it: the boundary traced on a grid five times finer, then run-length coded (rleFrPoly of
// cocoapi/common/maskApi.c). At least three points (six numbers), all finite.
Result<Rle> rasterize_polygon(std::span<const double> xy, int height, int width);

// The union of several polygons.
Result<Rle> rasterize_polygons(std::span<const std::vector<double>> polygons, int height,
                               int width);

}  // namespace desa2va::preprocess
