#include "common/preprocess/image/resize_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// Weights have 23 bits and pixels 8, and the vector unit multiplies pairs of 16 bits: each weight
// is taken as high * 2^15 + low, both are summed apart, and the sum of the shifted halves is the
// sum of the whole, in 32 bits that wrap the same way. Functions carry their target themselves, so
// that no other code of this file is compiled for a processor that may not be there.
#define DESA2VA_AVX2 __attribute__((target("avx2")))

namespace desa2va::preprocess {

namespace {

constexpr int kRowsAtOnce = 4;
constexpr std::size_t kLoad = 16;  // bytes read at a time, of which 12 are used

// Four weights a 0 1 2 3 as pairs for three channels: 01 01 01 01 | 23 23 23 23.
DESA2VA_AVX2 inline __m256i weight_pairs(const std::int16_t* weights) {
  std::int64_t four = 0;
  std::memcpy(&four, weights, sizeof four);
  const __m256i all = _mm256_set1_epi64x(four);
  const __m256i order = _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,  //
                                         4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
  return _mm256_shuffle_epi8(all, order);
}

// Four RGB pixels as pairs of 16 bits: r0 r1 g0 g1 b0 b1 0 0 | r2 r3 g2 g3 b2 b3 0 0.
DESA2VA_AVX2 inline __m256i pixel_pairs(const std::uint8_t* pixels) {
  const __m256i both =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels)));
  const __m256i order =
      _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7,
                       -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  return _mm256_shuffle_epi8(both, order);
}

DESA2VA_AVX2 inline std::uint32_t pixel_of(__m256i high, __m256i low) {
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, 15), low);
  __m128i pixel = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  pixel = _mm_srai_epi32(_mm_add_epi32(pixel, _mm_set1_epi32(kHalfWeight)), kWeightBits);
  pixel = _mm_packs_epi32(pixel, pixel);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(pixel, pixel)));
}

// kRows rows at once share the loads of the weights. Reads up to kLoad bytes behind the taps.
template <int kRows>
DESA2VA_AVX2 void horizontal_rows(const Taps& taps, const std::uint8_t* in, std::size_t in_stride,
                                  std::uint8_t* out) {
  const std::size_t out_stride = taps.size() * 3;
  for (std::size_t x = 0; x < taps.size(); ++x) {
    const std::uint8_t* pixels = in + static_cast<std::ptrdiff_t>(taps.first[x]) * 3;
    const std::int16_t* high = taps.high.data() + x * taps.width;
    const std::int16_t* low = taps.low.data() + x * taps.width;
    __m256i sum_high[kRows];
    __m256i sum_low[kRows];
    for (int r = 0; r < kRows; ++r) sum_high[r] = sum_low[r] = _mm256_setzero_si256();
    for (int t = 0; t < taps.count[x]; t += 4, pixels += 12, high += 4, low += 4) {
      const __m256i weights_high = weight_pairs(high);
      const __m256i weights_low = weight_pairs(low);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256i pairs = pixel_pairs(pixels + static_cast<std::size_t>(r) * in_stride);
        sum_high[r] = _mm256_add_epi32(sum_high[r], _mm256_madd_epi16(pairs, weights_high));
        sum_low[r] = _mm256_add_epi32(sum_low[r], _mm256_madd_epi16(pairs, weights_low));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const std::uint32_t pixel = pixel_of(sum_high[r], sum_low[r]);
      std::memcpy(out + static_cast<std::size_t>(r) * out_stride + 3 * x, &pixel, 3);
    }
  }
}

// Rows are read up to this many bytes behind their end: the last tap position, its padding to a
// multiple of four, and what a load takes more than it needs.
constexpr std::size_t kOverread = 4UL * 3 + kLoad;

void horizontal_avx2(const Taps& taps, const std::uint8_t* in, int in_width, int rows,
                     std::uint8_t* out) {
  const std::size_t in_stride = static_cast<std::size_t>(in_width) * 3;
  const std::size_t out_stride = taps.size() * 3;
  // Behind these rows there are others, whose bytes may be read (with weight 0); the last ones
  // are copied to where there is room.
  const std::size_t behind = (kOverread + in_stride - 1) / in_stride;
  const int safe =
      static_cast<int>(std::max<std::ptrdiff_t>(0, rows - static_cast<std::ptrdiff_t>(behind)));
  int y = 0;
  for (; y + kRowsAtOnce <= safe; y += kRowsAtOnce) {
    const auto row = static_cast<std::size_t>(y);
    horizontal_rows<kRowsAtOnce>(taps, in + row * in_stride, in_stride, out + row * out_stride);
  }
  std::vector<std::uint8_t> copy(in_stride + kOverread);
  for (; y < rows; ++y) {
    const auto row = static_cast<std::size_t>(y);
    std::memcpy(copy.data(), in + row * in_stride, in_stride);
    horizontal_rows<1>(taps, copy.data(), in_stride, out + row * out_stride);
  }
}

constexpr std::size_t kColumns = 32;  // bytes of a row at once

// The sums of 32 neighbouring bytes over the taps of one output row.
DESA2VA_AVX2 inline void vertical_columns(const std::uint8_t* column, std::size_t stride,
                                          const std::int16_t* high, const std::int16_t* low,
                                          int count, std::uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sum_high[4] = {zero, zero, zero, zero};
  __m256i sum_low[4] = {zero, zero, zero, zero};
  for (int t = 0; t < count; t += 2) {
    const auto* first = column + static_cast<std::size_t>(t) * stride;
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first));
    // An odd last tap is paired with itself and weight 0.
    const __m256i b = _mm256_loadu_si256(
        reinterpret_cast<const __m256i*>(t + 1 < count ? first + stride : first));
    std::int32_t pair = 0;
    std::memcpy(&pair, high + t, sizeof pair);
    const __m256i weights_high = _mm256_set1_epi32(pair);
    std::memcpy(&pair, low + t, sizeof pair);
    const __m256i weights_low = _mm256_set1_epi32(pair);
    const __m256i ab_low = _mm256_unpacklo_epi8(a, b);
    const __m256i ab_high = _mm256_unpackhi_epi8(a, b);
    const __m256i pairs[4] = {
        _mm256_unpacklo_epi8(ab_low, zero), _mm256_unpackhi_epi8(ab_low, zero),
        _mm256_unpacklo_epi8(ab_high, zero), _mm256_unpackhi_epi8(ab_high, zero)};
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum_high[i] = _mm256_add_epi32(sum_high[i], _mm256_madd_epi16(pairs[i], weights_high));
      sum_low[i] = _mm256_add_epi32(sum_low[i], _mm256_madd_epi16(pairs[i], weights_low));
    }
  }
  const __m256i half = _mm256_set1_epi32(kHalfWeight);
  __m256i sums[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256i whole = _mm256_add_epi32(_mm256_slli_epi32(sum_high[i], 15), sum_low[i]);
    sums[i] = _mm256_srai_epi32(_mm256_add_epi32(whole, half), kWeightBits);
  }
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]),
                                            _mm256_packs_epi32(sums[2], sums[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
}

DESA2VA_AVX2 void vertical_avx2(const Taps& taps, const std::uint8_t* in, std::size_t stride,
                                std::uint8_t* out) {
  if (stride < kColumns) return portable_resize_kernels().vertical(taps, in, stride, out);
  for (std::size_t y = 0; y < taps.size(); ++y, out += stride) {
    const std::uint8_t* rows = in + static_cast<std::size_t>(taps.first[y]) * stride;
    const std::int16_t* high = taps.high.data() + y * taps.width;
    const std::int16_t* low = taps.low.data() + y * taps.width;
    std::size_t x = 0;
    for (; x + kColumns <= stride; x += kColumns)
      vertical_columns(rows + x, stride, high, low, taps.count[y], out + x);
    if (x < stride) {  // the last ones once more with those before them
      x = stride - kColumns;
      vertical_columns(rows + x, stride, high, low, taps.count[y], out + x);
    }
  }
}

}  // namespace

const ResizeKernels* avx2_resize_kernels() {
  static const ResizeKernels kernels{"avx2", horizontal_avx2, vertical_avx2};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}

}  // namespace desa2va::preprocess

#else

namespace desa2va::preprocess {

const ResizeKernels* avx2_resize_kernels() {
  return nullptr;
}

}  // namespace desa2va::preprocess

#endif
