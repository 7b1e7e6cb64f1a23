#include "common/preprocess/video/yuv_doubled.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#define DESA2VA_AVX2 __attribute__((target("avx2")))

namespace desa2va::preprocess {

namespace {

DESA2VA_AVX2 inline __m256i weight_pair(std::int16_t first, std::int16_t second) {
  return _mm256_set1_epi32(static_cast<std::int32_t>(
      static_cast<std::uint32_t>(static_cast<std::uint16_t>(first)) |
      static_cast<std::uint32_t>(static_cast<std::uint16_t>(second)) << 16U));
}

DESA2VA_AVX2 inline __m256i load_words(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// a * w0 + b * w1 + c * w2 + d * w3, shifted right by 7, for 16 words each.
DESA2VA_AVX2 inline __m256i four_taps(__m256i a, __m256i b, __m256i c, __m256i d, __m256i w01,
                                      __m256i w23) {
  const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w01),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(c, d), w23));
  const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w01),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(c, d), w23));
  return _mm256_packs_epi32(_mm256_srai_epi32(low, 7), _mm256_srai_epi32(high, 7));
}

DESA2VA_AVX2 void widen_avx2(const ChromaTaps& taps, const std::uint8_t* in, int in_width,
                             std::int16_t* out) {
  const auto [from, to] = doubled_range(taps, in_width, 16);
  if (from == to && taps.size == 1) {  // as wide already
    const auto width = static_cast<int>(taps.first.size());
    int x = 0;
    if (width == in_width) {
      for (; x + 16 <= width; x += 16)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x),
                            _mm256_slli_epi16(load_words(in + x), 7));
      for (; x < width; ++x) out[x] = static_cast<std::int16_t>(in[x] << 7);
      return;
    }
  }
  if (from == to) return portable_yuv_kernels().widen(taps, in, in_width, out);
  const std::int16_t* even = taps.weights.data() + static_cast<std::ptrdiff_t>(8) * from;
  const std::int16_t* odd = even + 4;
  const __m256i even01 = weight_pair(even[0], even[1]);
  const __m256i even23 = weight_pair(even[2], even[3]);
  const __m256i odd01 = weight_pair(odd[0], odd[1]);
  const __m256i odd23 = weight_pair(odd[2], odd[3]);
  for (int next = from; next < to; next += 16) {
    const int k = std::min(next, to - 16);
    const __m256i a = load_words(in + k - 2);
    const __m256i b = load_words(in + k - 1);
    const __m256i c = load_words(in + k);
    const __m256i d = load_words(in + k + 1);
    const __m256i e = load_words(in + k + 2);
    const __m256i evens = four_taps(a, b, c, d, even01, even23);
    const __m256i odds = four_taps(b, c, d, e, odd01, odd23);
    const __m256i first = _mm256_unpacklo_epi16(evens, odds);   // outputs 0..7, 16..23
    const __m256i second = _mm256_unpackhi_epi16(evens, odds);  // outputs 8..15, 24..31
    auto* target = reinterpret_cast<__m256i*>(out + static_cast<std::ptrdiff_t>(2) * k);
    _mm256_storeu_si256(target, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(first, second, 0x31));
  }
  widen_four_taps(taps, in, in_width, 0, 2 * from, out);
  widen_four_taps(taps, in, in_width, 2 * to, 2 * in_width, out);
}

// 16 pixels as eight and eight in the order of unpacklo / unpackhi: 0..3 8..11 and 4..7 12..15.
struct Halves {
  __m256i low;
  __m256i high;
};

DESA2VA_AVX2 inline Halves chroma(const std::int16_t* const* lines, int x, __m256i w01,
                                  __m256i w23) {
  const auto at = [&](int t) DESA2VA_AVX2 {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lines[t] + x));
  };
  const __m256i a = at(0), b = at(1), c = at(2), d = at(3);
  const __m256i zero = _mm256_set1_epi32((1 << 9) - (128 << 19));
  const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w01),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(c, d), w23));
  const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w01),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(c, d), w23));
  return {_mm256_srai_epi32(_mm256_add_epi32(low, zero), 10),
          _mm256_srai_epi32(_mm256_add_epi32(high, zero), 10)};
}

DESA2VA_AVX2 inline __m256i to_words(__m256i low, __m256i high) {
  return _mm256_packs_epi32(_mm256_srai_epi32(low, 22), _mm256_srai_epi32(high, 22));
}

DESA2VA_AVX2 void row_avx2(const YuvRow& row, const YuvColors& colors, std::uint8_t* rgb) {
  if (row.taps > 4) return portable_yuv_kernels().row(row, colors, rgb);
  // Missing taps are the first line with weight 0.
  const std::int16_t* u_lines[4];
  const std::int16_t* v_lines[4];
  std::int16_t weights[4];
  for (int t = 0; t < 4; ++t) {
    const int from = t < row.taps ? t : 0;
    u_lines[t] = row.u[from];
    v_lines[t] = row.v[from];
    weights[t] = t < row.taps ? row.weights[t] : std::int16_t{0};
  }
  const __m256i w01 = weight_pair(weights[0], weights[1]);
  const __m256i w23 = weight_pair(weights[2], weights[3]);
  // (512 y - offset) * scale + 2^21 as 512 * (y * scale + 16 * base): the offset is a multiple of
  // 2^13, so that base is whole and fits in 16 bits.
  const __m256i sixteen = _mm256_set1_epi16(16);
  const __m256i y_weights =
      weight_pair(static_cast<std::int16_t>(colors.y),
                  static_cast<std::int16_t>(256 - (colors.y_offset >> 13) * colors.y));
  const __m256i v_to_r = _mm256_set1_epi32(colors.v_to_r);
  const __m256i v_to_g = _mm256_set1_epi32(colors.v_to_g);
  const __m256i u_to_g = _mm256_set1_epi32(colors.u_to_g);
  const __m256i u_to_b = _mm256_set1_epi32(colors.u_to_b);
  // R and G as r0..r7 g0..g7, B as b0..b7, to r0 g0 b0 ...: 16 bytes, then 8.
  const __m256i rg_first = _mm256_setr_epi8(0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5,
                                            0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5);
  const __m256i b_first =
      _mm256_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, -1, 0, -1, -1,
                       1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1);
  const __m256i rg_rest =
      _mm256_setr_epi8(13, -1, 6, 14, -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, 13, -1, 6, 14,
                       -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i b_rest =
      _mm256_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1, -1, 5, -1, -1,
                       6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i none = _mm256_setzero_si256();
  int x = 0;
  for (; x + 16 <= row.width; x += 16, rgb += 48) {
    const Halves u = chroma(u_lines, x, w01, w23);
    const Halves v = chroma(v_lines, x, w01, w23);
    const __m256i luma = load_words(row.y + x);
    const __m256i y_low =
        _mm256_slli_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(luma, sixteen), y_weights), 9);
    const __m256i y_high =
        _mm256_slli_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(luma, sixteen), y_weights), 9);
    const __m256i r = to_words(_mm256_add_epi32(y_low, _mm256_mullo_epi32(v.low, v_to_r)),
                               _mm256_add_epi32(y_high, _mm256_mullo_epi32(v.high, v_to_r)));
    const __m256i b = to_words(_mm256_add_epi32(y_low, _mm256_mullo_epi32(u.low, u_to_b)),
                               _mm256_add_epi32(y_high, _mm256_mullo_epi32(u.high, u_to_b)));
    const __m256i g_low =
        _mm256_add_epi32(_mm256_mullo_epi32(v.low, v_to_g), _mm256_mullo_epi32(u.low, u_to_g));
    const __m256i g_high =
        _mm256_add_epi32(_mm256_mullo_epi32(v.high, v_to_g), _mm256_mullo_epi32(u.high, u_to_g));
    const __m256i g = to_words(_mm256_add_epi32(y_low, g_low), _mm256_add_epi32(y_high, g_high));
    const __m256i rg = _mm256_packus_epi16(r, g);
    const __m256i bb = _mm256_packus_epi16(b, none);
    const __m256i first =
        _mm256_or_si256(_mm256_shuffle_epi8(rg, rg_first), _mm256_shuffle_epi8(bb, b_first));
    const __m256i rest =
        _mm256_or_si256(_mm256_shuffle_epi8(rg, rg_rest), _mm256_shuffle_epi8(bb, b_rest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rgb), _mm256_castsi256_si128(first));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(rgb + 16), _mm256_castsi256_si128(rest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rgb + 24), _mm256_extracti128_si256(first, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(rgb + 40), _mm256_extracti128_si256(rest, 1));
  }
  if (x == row.width) return;
  for (int t = 0; t < 4; ++t) {
    u_lines[t] += x;
    v_lines[t] += x;
  }
  portable_yuv_kernels().row({row.y + x, u_lines, v_lines, weights, 4, row.width - x}, colors, rgb);
}

}  // namespace

const YuvKernels* avx2_yuv_kernels() {
  static const YuvKernels kernels{widen_avx2, row_avx2};
  return __builtin_cpu_supports("avx2") ? &kernels : nullptr;
}

}  // namespace desa2va::preprocess

#else

namespace desa2va::preprocess {

const YuvKernels* avx2_yuv_kernels() {
  return nullptr;
}

}  // namespace desa2va::preprocess

#endif
