#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/bytes.h"

namespace desa2va::preprocess {

// A decoded picture, 8-bit RGB, row-major (height, width, 3), rows without padding. Copies share
// the pixels, which nobody changes once the picture was handed on.
struct Image {
  int width = 0;
  int height = 0;
  Buffer rgb;

  // Pixels not initialised.
  static Image allocate(int width, int height);

  std::span<const std::uint8_t> pixels() const {
    return {reinterpret_cast<const std::uint8_t*>(rgb.data()), rgb.size()};
  }
  std::span<std::uint8_t> mutable_pixels() {
    const MutableByteSpan bytes = rgb.mutable_bytes();
    return {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  }
};

// A picture of small numbers: a palette PNG as segmentation sets use it, where the index of a pixel
// is the number of the object there (0: background). Row-major (height, width).
struct IndexedImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> indices;
};

struct Rgb {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
};

}  // namespace desa2va::preprocess
