#include <algorithm>

#include "common/preprocess/image/resize_kernels.h"

namespace desa2va::preprocess {

namespace {

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void horizontal_portable(const Taps& taps, const std::uint8_t* in, int in_width, int rows,
                         std::uint8_t* out) {
  for (int y = 0; y < rows; ++y, in += static_cast<std::ptrdiff_t>(in_width) * 3) {
    for (std::size_t x = 0; x < taps.size(); ++x, out += 3) {
      const std::uint8_t* pixel = in + static_cast<std::ptrdiff_t>(taps.first[x]) * 3;
      const std::int32_t* weight = taps.weights.data() + x * taps.width;
      std::int32_t r = kHalfWeight;
      std::int32_t g = kHalfWeight;
      std::int32_t b = kHalfWeight;
      for (int t = 0; t < taps.count[x]; ++t, pixel += 3) {
        r += pixel[0] * weight[t];
        g += pixel[1] * weight[t];
        b += pixel[2] * weight[t];
      }
      out[0] = to_byte(r);
      out[1] = to_byte(g);
      out[2] = to_byte(b);
    }
  }
}

void vertical_portable(const Taps& taps, const std::uint8_t* in, std::size_t stride,
                       std::uint8_t* out) {
  std::vector<std::int32_t> sums(stride);
  for (std::size_t y = 0; y < taps.size(); ++y, out += stride) {
    std::fill(sums.begin(), sums.end(), kHalfWeight);
    for (int t = 0; t < taps.count[y]; ++t) {
      const std::uint8_t* row = in + static_cast<std::size_t>(taps.first[y] + t) * stride;
      const std::int32_t weight = taps.weights[y * taps.width + static_cast<std::size_t>(t)];
      for (std::size_t i = 0; i < stride; ++i) sums[i] += row[i] * weight;
    }
    for (std::size_t i = 0; i < stride; ++i) out[i] = to_byte(sums[i]);
  }
}

}  // namespace

const ResizeKernels& portable_resize_kernels() {
  static const ResizeKernels kernels{"portable", horizontal_portable, vertical_portable};
  return kernels;
}

}  // namespace desa2va::preprocess
