#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/preprocess/image/image.h"

// 8-bit planar YUV to RGB, byte for byte as libswscale 6 does it with `bicubic + accurate_rnd +
// full_chroma_int + full_chroma_inp + bitexact` (README: "Colours, exactly"), but vectorised.
namespace desa2va::preprocess {

struct YuvLayout {
  int width = 0;
  int height = 0;
  int chroma_shift_x = 1;  // chroma has ceil(width / 2^shift) columns: 0 or 1
  int chroma_shift_y = 1;
  bool operator==(const YuvLayout&) const = default;
};

// What a matrix and a range make of the values, 13 fractional bits.
struct YuvColors {
  std::int32_t y_offset = 0;  // of luma * 2^9
  std::int32_t y = 0, v_to_r = 0, v_to_g = 0, u_to_g = 0, u_to_b = 0;
  bool operator==(const YuvColors&) const = default;
};
// `matrix` are the four numbers libswscale describes a matrix with (16 fractional bits): V to R,
// U to B, U to G, V to G, the last two negated.
YuvColors yuv_colors(const int (&matrix)[4], bool full_range);

struct YuvPlanes {
  const std::uint8_t* planes[3] = {};
  std::ptrdiff_t strides[3] = {};  // bytes
};

// Along one axis, the chroma samples and weights that make each output sample.
struct ChromaTaps {
  int size = 1;                       // weights per position
  std::vector<int> first;             // [out] first sample; first + size may exceed the samples,
                                      // the weights there are 0
  std::vector<std::int16_t> weights;  // [out, size]
};
// From `in` to `out` samples, in <= out; weights sum to `one`.
ChromaTaps chroma_taps(int in, int out, int one);

// One output row; lines of chroma are as wide as the row already.
struct YuvRow {
  const std::uint8_t* y = nullptr;
  const std::int16_t* const* u = nullptr;  // [taps] lines
  const std::int16_t* const* v = nullptr;
  const std::int16_t* weights = nullptr;  // [taps], of 2^12
  int taps = 0;
  int width = 0;
};

// The loops, in three versions that give the same bytes.
struct YuvKernels {
  // One line of `in` chroma samples, widened to 15 bits; taps are of 2^14.
  void (*widen)(const ChromaTaps& taps, const std::uint8_t* in, int in_width, std::int16_t* out);
  void (*row)(const YuvRow& row, const YuvColors& colors, std::uint8_t* rgb);
};
const YuvKernels& portable_yuv_kernels();
// Null where the processor (or the compiler's target) has no AVX2.
const YuvKernels* avx2_yuv_kernels();
// Null where it has no AVX-512 with VNNI (Intel since Ice Lake, AMD since Zen 4).
const YuvKernels* avx512_yuv_kernels();

// Keeps tables and lines for pictures of one layout. One thread.
class YuvToRgb {
 public:
  YuvToRgb() : YuvToRgb(best_kernels()) {}
  explicit YuvToRgb(const YuvKernels& kernels) : kernels_(&kernels) {}

  Image convert(const YuvPlanes& planes, const YuvLayout& layout, const YuvColors& colors);

 private:
  static const YuvKernels& best_kernels();
  void prepare(const YuvLayout& layout);
  const std::int16_t* line(const YuvPlanes& planes, int plane, int number);

  const YuvKernels* kernels_;
  YuvLayout layout_;
  ChromaTaps columns_;
  ChromaTaps rows_;
  // Widened lines of U and V: line n lies in slot n % slots while `held` says so.
  int slots_ = 0;
  std::vector<std::int16_t> lines_[2];
  std::vector<int> held_[2];
};

}  // namespace desa2va::preprocess
