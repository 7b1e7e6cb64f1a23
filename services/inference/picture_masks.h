#pragma once

#include <cstdint>
#include <vector>

#include "common/preprocess/masks/rle.h"

namespace desa2va::inference {

// Masks in the pixels of a picture.
struct PictureMasks {
  int width = 0, height = 0;
  // (height, width): the object with the highest logit above 0, counted from `first`; 0: none.
  std::vector<std::uint8_t> numbers;
  std::vector<preprocess::Rle> objects;  // whole, also where they overlap
};

}  // namespace desa2va::inference
