#pragma once

#include <vector>

#include "common/preprocess/video/encode.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::preprocess {

// A bright square that moves over a dark ground: every frame differs from every other.
inline std::vector<Image> moving_square(int count, int width = 64, int height = 48) {
  std::vector<Image> frames;
  for (int i = 0; i < count; ++i) {
    Image image = Image::allocate(width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const bool inside = x >= i && x < i + 16 && y >= 8 && y < 24;
        const auto at = static_cast<std::size_t>((y * width + x) * 3);
        image.mutable_pixels()[at] = inside ? 220 : 40;
        image.mutable_pixels()[at + 1] = inside ? 60 : 90;
        image.mutable_pixels()[at + 2] = inside ? 60 : 160;
      }
    }
    frames.push_back(std::move(image));
  }
  return frames;
}

inline Buffer small_video(int count, int keyframe_interval = 8) {
  Mp4Options options;
  options.keyframe_interval = keyframe_interval;
  return *encode_mp4(moving_square(count), options);
}

}  // namespace desa2va::preprocess
