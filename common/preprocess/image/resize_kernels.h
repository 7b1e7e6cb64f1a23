#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/preprocess/image/image.h"

// The inner loops of the bicubic resize, in two versions that give the same bytes; for resize.cpp
// and its tests.
namespace desa2va::preprocess {

inline constexpr int kWeightBits = 22;
inline constexpr std::int32_t kHalfWeight = 1 << (kWeightBits - 1);

// The taps of every output position along one axis.
struct Taps {
  std::size_t width = 0;              // weights stored per position, a multiple of 4; unused: 0
  std::vector<int> first;             // first input position
  std::vector<int> count;             // how many
  std::vector<std::int32_t> weights;  // [out, width], kWeightBits fractional bits
  // The same weights as high * 2^15 + low, in 16 bits each (0 <= low < 2^15): what vector units
  // multiply in pairs.
  std::vector<std::int16_t> high;
  std::vector<std::int16_t> low;

  std::size_t size() const { return first.size(); }
};

// Sums start at kHalfWeight, wrap like 32-bit integers, are shifted right by kWeightBits and
// clamped to 0..255. Pure; any thread.
struct ResizeKernels {
  const char* name;
  // `rows` rows of 8-bit RGB, `in_width` pixels each, to taps.size() pixels each; both without
  // padding between rows.
  void (*horizontal)(const Taps& taps, const std::uint8_t* in, int in_width, int rows,
                     std::uint8_t* out);
  // Rows of `stride` bytes to taps.size() rows.
  void (*vertical)(const Taps& taps, const std::uint8_t* in, std::size_t stride, std::uint8_t* out);
};

const ResizeKernels& portable_resize_kernels();
// Null where the processor (or the compiler's target) has no AVX2.
const ResizeKernels* avx2_resize_kernels();

// `resize_bicubic` by these kernels instead of the best ones.
Image resize_bicubic_with(const ResizeKernels& kernels, const Image& image, int width, int height);

}  // namespace desa2va::preprocess
