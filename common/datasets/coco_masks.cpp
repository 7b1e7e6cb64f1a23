#include "common/datasets/coco_masks.h"

#include "common/preprocess/masks/polygon.h"

namespace desa2va::datasets {

using preprocess::Rle;

Result<Rle> read_rle(const Json& value) {
  const Json& size = value.at("size");
  const int height = size.at(0).get<int>();
  const int width = size.at(1).get<int>();
  const Json& counts = value.at("counts");
  if (counts.is_string())
    return preprocess::rle_from_string(height, width, counts.get_ref<const std::string&>());
  return preprocess::rle_from_runs(height, width, counts.get<std::vector<std::int64_t>>());
}

Result<Segmentation> read_segmentation(const Json& value, int height, int width) {
  Segmentation result;
  std::vector<Rle> parts;
  bool moved = false;
  if (value.is_object()) {
    DESA2VA_ASSIGN(const Rle mask, read_rle(value));
    result.compressed = value.at("counts").is_string();
    parts.push_back(fit_to(mask, height, width, moved));
  } else {
    for (const Json& part : value) {
      if (part.is_object()) {
        DESA2VA_ASSIGN(const Rle mask, read_rle(part));
        parts.push_back(fit_to(mask, height, width, moved));
      } else {
        DESA2VA_ASSIGN(Rle mask, preprocess::rasterize_polygon(part.get<std::vector<double>>(),
                                                               height, width));
        parts.push_back(std::move(mask));
        ++result.polygons;
      }
    }
  }
  if (parts.empty()) parts.push_back(preprocess::empty_rle(height, width));
  DESA2VA_ASSIGN(result.mask, preprocess::unite(parts));
  return result;
}

Rle fit_to(const Rle& mask, int height, int width, bool& moved) {
  if (mask.height == height && mask.width == width) return mask;
  moved = true;
  return preprocess::encode_rle(
      preprocess::place_top_left(preprocess::decode_rle(mask), width, height));
}

}  // namespace desa2va::datasets
