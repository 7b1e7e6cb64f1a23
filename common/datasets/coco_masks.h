#pragma once

#include <span>
#include <vector>

#include "common/datasets/json_tools.h"
#include "common/datasets/sample.h"
#include "common/preprocess/masks/rle.h"

// Masks as COCO-like annotation files have them.
namespace desa2va::datasets {

struct Segmentation {
  preprocess::Rle mask;
  std::size_t polygons = 0;  // 0: run lengths
  bool compressed = false;   // run lengths as text
};

// A list of polygons, a list of RLE objects, or one RLE object with its runs as text or numbers;
// several parts are united. `height` and `width` are those of the picture.
Result<Segmentation> read_segmentation(const Json& value, int height, int width);

// {"size": [h, w], "counts": text or list}.
Result<preprocess::Rle> read_rle(const Json& value);

// On a canvas of that size: as it is, or copied to the top left (`moved` is then set).
preprocess::Rle fit_to(const preprocess::Rle& mask, int height, int width, bool& moved);

}  // namespace desa2va::datasets
