#include "common/preprocess/masks/rle.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace desa2va::preprocess {

Mask Mask::zeros(int width, int height) {
  Mask mask{width, height, {}};
  mask.pixels.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 0);
  return mask;
}

std::int64_t Mask::area() const {
  return std::count_if(pixels.begin(), pixels.end(), [](std::uint8_t p) { return p != 0; });
}

Rle encode_rle(const Mask& mask) {
  Rle rle{mask.width, mask.height, {}};
  std::uint8_t value = 0;
  std::uint32_t run = 0;
  const auto stride = static_cast<std::size_t>(mask.height == 0 ? 0 : mask.width);
  for (std::size_t x = 0; x < stride; ++x) {
    const std::uint8_t* pixel = mask.pixels.data() + x;
    for (int y = 0; y < mask.height; ++y, pixel += stride) {
      const std::uint8_t bit = *pixel != 0 ? 1 : 0;
      if (bit != value) {
        rle.runs.push_back(run);
        run = 0;
        value = bit;
      }
      ++run;
    }
  }
  rle.runs.push_back(run);
  return rle;
}

Mask decode_rle(const Rle& rle) {
  Mask mask = Mask::zeros(rle.width, rle.height);
  if (mask.pixels.empty()) return mask;
  const auto height = static_cast<std::size_t>(rle.height);
  const auto width = static_cast<std::size_t>(rle.width);
  std::size_t position = 0;  // down the columns
  std::uint8_t value = 0;
  for (const std::uint32_t run : rle.runs) {
    const std::size_t end = std::min(position + run, width * height);
    if (value != 0) {
      std::size_t x = position / height;
      std::size_t y = position % height;
      for (; position < end; ++position) {
        mask.pixels[y * width + x] = 1;
        if (++y == height) {
          y = 0;
          ++x;
        }
      }
    }
    position = end;
    value ^= 1U;
  }
  return mask;
}

Rle empty_rle(int height, int width) {
  return Rle{
      width, height, {static_cast<std::uint32_t>(width) * static_cast<std::uint32_t>(height)}};
}

std::int64_t area(const Rle& rle) {
  std::int64_t sum = 0;
  for (std::size_t i = 1; i < rle.runs.size(); i += 2) sum += rle.runs[i];
  return sum;
}

std::array<double, 4> bounding_box(const Rle& rle) {
  const auto height = static_cast<std::int64_t>(rle.height);
  std::int64_t left = rle.width;
  std::int64_t top = height;
  std::int64_t right = -1;
  std::int64_t bottom = -1;
  std::int64_t position = 0;
  for (std::size_t i = 1; i < rle.runs.size(); i += 2) {
    position += rle.runs[i - 1];
    const std::int64_t first = position;
    position += rle.runs[i];
    const std::int64_t last = position - 1;
    if (last < first) continue;  // an empty run shows nothing
    left = std::min(left, first / height);
    right = std::max(right, last / height);
    const bool one_column = first / height == last / height;  // else it reaches over a column's end
    top = std::min(top, one_column ? first % height : 0);
    bottom = std::max(bottom, one_column ? last % height : height - 1);
  }
  if (right < 0) return {0, 0, 0, 0};
  return {static_cast<double>(left), static_cast<double>(top),
          static_cast<double>(right - left + 1), static_cast<double>(bottom - top + 1)};
}

Mask place_top_left(const Mask& mask, int width, int height) {
  Mask placed = Mask::zeros(width, height);
  const int columns = std::min(width, mask.width);
  for (int y = 0; y < std::min(height, mask.height); ++y) {
    std::copy_n(mask.pixels.begin() + static_cast<std::ptrdiff_t>(y) * mask.width, columns,
                placed.pixels.begin() + static_cast<std::ptrdiff_t>(y) * width);
  }
  return placed;
}

}  // namespace desa2va::preprocess
