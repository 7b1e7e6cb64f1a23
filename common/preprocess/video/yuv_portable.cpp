#include <algorithm>

#include "common/preprocess/video/yuv_doubled.h"

namespace desa2va::preprocess {

namespace {

void widen_portable(const ChromaTaps& taps, const std::uint8_t* in, int in_width,
                    std::int16_t* out) {
  const std::int16_t* weights = taps.weights.data();
  for (std::size_t x = 0; x < taps.first.size(); ++x, weights += taps.size) {
    const int first = taps.first[x];
    const int count = std::min(taps.size, in_width - first);
    int sum = 0;
    for (int t = 0; t < count; ++t) sum += in[first + t] * weights[t];
    out[x] = static_cast<std::int16_t>(std::min(sum >> 7, 0x7fff));
  }
}

// Sums wrap as 32-bit integers, in all versions.
void row_portable(const YuvRow& row, const YuvColors& colors, std::uint8_t* rgb) {
  const auto product = [](std::int32_t a, std::int32_t b) {
    return static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b);
  };
  const auto to_byte = [](std::uint32_t value) {
    return static_cast<std::uint8_t>(std::clamp(static_cast<std::int32_t>(value) >> 22, 0, 255));
  };
  constexpr std::uint32_t kZero = (1U << 9U) - (128U << 19U);  // rounding, and grey to 0
  for (int x = 0; x < row.width; ++x, rgb += 3) {
    std::uint32_t u_sum = kZero;
    std::uint32_t v_sum = kZero;
    for (int t = 0; t < row.taps; ++t) {
      u_sum += product(row.u[t][x], row.weights[t]);
      v_sum += product(row.v[t][x], row.weights[t]);
    }
    const std::int32_t u = static_cast<std::int32_t>(u_sum) >> 10;
    const std::int32_t v = static_cast<std::int32_t>(v_sum) >> 10;
    const std::uint32_t y = product(row.y[x] * 512 - colors.y_offset, colors.y) + (1U << 21U);
    rgb[0] = to_byte(y + product(v, colors.v_to_r));
    rgb[1] = to_byte(y + product(v, colors.v_to_g) + product(u, colors.u_to_g));
    rgb[2] = to_byte(y + product(u, colors.u_to_b));
  }
}

}  // namespace

Doubled doubled_range(const ChromaTaps& taps, int in_width, int step) {
  constexpr int kEdge = 4;
  if (taps.size != 4 || static_cast<int>(taps.first.size()) != 2 * in_width ||
      in_width < 2 * kEdge + step)
    return {};
  return {kEdge, in_width - kEdge};
}

void widen_four_taps(const ChromaTaps& taps, const std::uint8_t* in, int in_width, int begin,
                     int end, std::int16_t* out) {
  for (int x = begin; x < end; ++x) {
    const int first = taps.first[static_cast<std::size_t>(x)];
    const std::int16_t* weights = taps.weights.data() + static_cast<std::ptrdiff_t>(4) * x;
    int sum = 0;
    for (int t = 0; t < 4 && first + t < in_width; ++t) sum += in[first + t] * weights[t];
    out[x] = static_cast<std::int16_t>(std::min(sum >> 7, 0x7fff));
  }
}

const YuvKernels& portable_yuv_kernels() {
  static const YuvKernels kernels{widen_portable, row_portable};
  return kernels;
}

}  // namespace desa2va::preprocess
