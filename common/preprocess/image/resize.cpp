#include "common/preprocess/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace desa2va::preprocess {

namespace {

constexpr int kWeightBits = 22;

// The taps of every output position along one axis.
struct Taps {
  std::size_t width = 0;              // weights stored per position
  std::vector<int> first;             // first input position
  std::vector<int> count;             // how many
  std::vector<std::int32_t> weights;  // [out, width], 22 fractional bits
};

double keys_kernel(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// Antialiased: where the picture shrinks, the kernel grows with it.
Taps bicubic_taps(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  Taps taps;
  taps.width = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.assign(taps.width * static_cast<std::size_t>(out), 0);
  std::vector<double> exact(taps.width);
  for (int o = 0; o < out; ++o) {
    const double center = (o + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), in) - first;
    double sum = 0;
    for (int t = 0; t < count; ++t) {
      exact[static_cast<std::size_t>(t)] =
          keys_kernel((t + first - center + 0.5) * (1.0 / filter_scale));
      sum += exact[static_cast<std::size_t>(t)];
    }
    for (int t = 0; t < count; ++t) {
      double weight = exact[static_cast<std::size_t>(t)];
      if (sum != 0.0) weight /= sum;
      weight *= 1 << kWeightBits;
      taps.weights[taps.width * static_cast<std::size_t>(o) + static_cast<std::size_t>(t)] =
          static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

Image horizontal_pass(const Image& image, int width) {
  const Taps taps = bicubic_taps(image.width, width);
  Image out = Image::allocate(width, image.height);
  std::uint8_t* target = out.mutable_pixels().data();
  const std::uint8_t* row = image.pixels().data();
  for (int y = 0; y < image.height; ++y, row += static_cast<std::ptrdiff_t>(image.width) * 3) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x, target += 3) {
      const std::uint8_t* in = row + static_cast<std::ptrdiff_t>(taps.first[x]) * 3;
      const std::int32_t* weight = taps.weights.data() + x * taps.width;
      std::int32_t r = kHalf;
      std::int32_t g = kHalf;
      std::int32_t b = kHalf;
      for (int t = 0; t < taps.count[x]; ++t, in += 3) {
        r += in[0] * weight[t];
        g += in[1] * weight[t];
        b += in[2] * weight[t];
      }
      target[0] = to_byte(r);
      target[1] = to_byte(g);
      target[2] = to_byte(b);
    }
  }
  return out;
}

Image vertical_pass(const Image& image, int height) {
  const Taps taps = bicubic_taps(image.height, height);
  Image out = Image::allocate(image.width, height);
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  std::vector<std::int32_t> sums(stride);
  std::uint8_t* target = out.mutable_pixels().data();
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y, target += stride) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int t = 0; t < taps.count[y]; ++t) {
      const std::uint8_t* in =
          image.pixels().data() + static_cast<std::size_t>(taps.first[y] + t) * stride;
      const std::int32_t weight = taps.weights[y * taps.width + static_cast<std::size_t>(t)];
      std::int32_t* sum = sums.data();
      for (std::size_t i = 0; i < stride; ++i) sum[i] += in[i] * weight;
    }
    for (std::size_t i = 0; i < stride; ++i) target[i] = to_byte(sums[i]);
  }
  return out;
}

}  // namespace

Image resize_bicubic(const Image& image, int width, int height) {
  // A pass that keeps the size has the identity as weights.
  const Image wide = width == image.width ? image : horizontal_pass(image, width);
  return height == wide.height ? wide : vertical_pass(wide, height);
}

std::vector<std::uint8_t> resize_nearest(std::span<const std::uint8_t> pixels, int width,
                                         int height, int out_width, int out_height) {
  std::vector<std::uint8_t> out;
  out.reserve(static_cast<std::size_t>(out_width) * static_cast<std::size_t>(out_height));
  for (std::int64_t y = 0; y < out_height; ++y) {
    const std::uint8_t* row = pixels.data() + y * height / out_height * width;
    for (std::int64_t x = 0; x < out_width; ++x) out.push_back(row[x * width / out_width]);
  }
  return out;
}

Image crop(const Image& image, int x, int y, int width, int height) {
  Image part = Image::allocate(width, height);
  std::uint8_t* target = part.mutable_pixels().data();
  const std::size_t bytes = static_cast<std::size_t>(width) * 3;
  for (int row = 0; row < height; ++row, target += bytes) {
    const std::size_t start =
        (static_cast<std::size_t>(y + row) * static_cast<std::size_t>(image.width) +
         static_cast<std::size_t>(x)) *
        3;
    std::memcpy(target, image.pixels().data() + start, bytes);
  }
  return part;
}

}  // namespace desa2va::preprocess
