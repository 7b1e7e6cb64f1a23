#include "common/preprocess/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/preprocess/image/resize_kernels.h"

namespace desa2va::preprocess {

namespace {

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
  const std::size_t most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.width = (most + 3) / 4 * 4;
  taps.weights.assign(taps.width * static_cast<std::size_t>(out), 0);
  std::vector<double> exact(most);
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
  for (const std::int32_t weight : taps.weights) {
    taps.high.push_back(static_cast<std::int16_t>(weight >> 15));
    taps.low.push_back(static_cast<std::int16_t>(weight & 0x7fff));
  }
  return taps;
}

const ResizeKernels& best_kernels() {
  const ResizeKernels* fast = avx2_resize_kernels();
  return fast != nullptr ? *fast : portable_resize_kernels();
}

}  // namespace

Image resize_bicubic(const Image& image, int width, int height) {
  return resize_bicubic_with(best_kernels(), image, width, height);
}

Image resize_bicubic_with(const ResizeKernels& kernels, const Image& image, int width, int height) {
  // A pass that keeps the size has the identity as weights.
  Image wide = image;
  if (width != image.width) {
    wide = Image::allocate(width, image.height);
    kernels.horizontal(bicubic_taps(image.width, width), image.pixels().data(), image.width,
                       image.height, wide.mutable_pixels().data());
  }
  if (height == wide.height) return wide;
  Image out = Image::allocate(width, height);
  kernels.vertical(bicubic_taps(wide.height, height), wide.pixels().data(),
                   static_cast<std::size_t>(width) * 3, out.mutable_pixels().data());
  return out;
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
