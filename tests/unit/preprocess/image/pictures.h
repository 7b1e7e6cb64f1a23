#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "common/base/random.h"
#include "common/preprocess/image/image.h"

namespace desa2va::preprocess {

// A smooth picture: neighbouring pixels differ little, so JPEG keeps it almost as it is.
inline Image smooth_picture(int width, int height) {
  Image image = Image::allocate(width, height);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.mutable_pixels()[at++] = static_cast<std::uint8_t>(255 * x / width);
      image.mutable_pixels()[at++] = static_cast<std::uint8_t>(255 * y / height);
      image.mutable_pixels()[at++] = static_cast<std::uint8_t>(128 + 64 * x / width);
    }
  }
  return image;
}

inline Image random_picture(int width, int height, std::uint64_t seed) {
  const Random random(seed, "test", "picture");
  Image image = Image::allocate(width, height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.mutable_pixels()[i] = static_cast<std::uint8_t>(random.word(i));
  return image;
}

inline bool same_pixels(const Image& a, const Image& b) {
  return a.width == b.width && a.height == b.height &&
         std::equal(a.pixels().begin(), a.pixels().end(), b.pixels().begin(), b.pixels().end());
}

inline int largest_difference(const Image& a, const Image& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.rgb.size() && i < b.rgb.size(); ++i)
    largest = std::max(largest, std::abs(int{a.pixels()[i]} - int{b.pixels()[i]}));
  return largest;
}

}  // namespace desa2va::preprocess
