#include "common/preprocess/video/yuv_doubled.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#define DESA2VA_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

namespace desa2va::preprocess {

namespace {

DESA2VA_AVX512 inline __m512i pair_of_weights(std::int16_t first, std::int16_t second) {
  return _mm512_set1_epi32(static_cast<std::int32_t>(
      static_cast<std::uint32_t>(static_cast<std::uint16_t>(first)) |
      static_cast<std::uint32_t>(static_cast<std::uint16_t>(second)) << 16U));
}

DESA2VA_AVX512 inline __m512i bytes_to_words(const std::uint8_t* bytes) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)));
}

// 32 values as two of 16, in the order of unpacklo and unpackhi: within each lane of 8 values the
// first four are low.
struct Sums {
  __m512i low;
  __m512i high;
};

// start + a * w0 + b * w1 + c * w2 + d * w3, in 32 bits.
DESA2VA_AVX512 inline Sums sum_of_four(__m512i start, __m512i a, __m512i b, __m512i c, __m512i d,
                                       __m512i w01, __m512i w23) {
  return {_mm512_dpwssd_epi32(_mm512_dpwssd_epi32(start, _mm512_unpacklo_epi16(a, b), w01),
                              _mm512_unpacklo_epi16(c, d), w23),
          _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(start, _mm512_unpackhi_epi16(a, b), w01),
                              _mm512_unpackhi_epi16(c, d), w23)};
}

DESA2VA_AVX512 inline __m512i widened(const Sums& sums) {
  return _mm512_packs_epi32(_mm512_srai_epi32(sums.low, 7), _mm512_srai_epi32(sums.high, 7));
}

DESA2VA_AVX512 void widen_avx512(const ChromaTaps& taps, const std::uint8_t* in, int in_width,
                                 std::int16_t* out) {
  const auto [from, to] = doubled_range(taps, in_width, 32);
  if (from == to) return avx2_yuv_kernels()->widen(taps, in, in_width, out);
  const std::int16_t* even = taps.weights.data() + static_cast<std::ptrdiff_t>(8) * from;
  const std::int16_t* odd = even + 4;
  const __m512i even01 = pair_of_weights(even[0], even[1]);
  const __m512i even23 = pair_of_weights(even[2], even[3]);
  const __m512i odd01 = pair_of_weights(odd[0], odd[1]);
  const __m512i odd23 = pair_of_weights(odd[2], odd[3]);
  const __m512i none = _mm512_setzero_si512();
  // Lanes of outputs 0..7, 16..23, 32.. and 8..15, 24..31, 40.. to 0..31 and 32..63.
  const __m512i first_half = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  for (int next = from; next < to; next += 32) {
    const int k = std::min(next, to - 32);
    const __m512i a = bytes_to_words(in + k - 2);
    const __m512i b = bytes_to_words(in + k - 1);
    const __m512i c = bytes_to_words(in + k);
    const __m512i d = bytes_to_words(in + k + 1);
    const __m512i e = bytes_to_words(in + k + 2);
    const __m512i evens = widened(sum_of_four(none, a, b, c, d, even01, even23));
    const __m512i odds = widened(sum_of_four(none, b, c, d, e, odd01, odd23));
    const __m512i low = _mm512_unpacklo_epi16(evens, odds);
    const __m512i high = _mm512_unpackhi_epi16(evens, odds);
    std::int16_t* target = out + static_cast<std::ptrdiff_t>(2) * k;
    _mm512_storeu_si512(target, _mm512_permutex2var_epi64(low, first_half, high));
    _mm512_storeu_si512(target + 32, _mm512_permutex2var_epi64(low, second_half, high));
  }
  widen_four_taps(taps, in, in_width, 0, 2 * from, out);
  widen_four_taps(taps, in, in_width, 2 * to, 2 * in_width, out);
}

DESA2VA_AVX512 inline Sums chroma(const std::int16_t* const* lines, int x, __m512i w01,
                                  __m512i w23) {
  const __m512i zero = _mm512_set1_epi32((1 << 9) - (128 << 19));
  const Sums sums =
      sum_of_four(zero, _mm512_loadu_si512(lines[0] + x), _mm512_loadu_si512(lines[1] + x),
                  _mm512_loadu_si512(lines[2] + x), _mm512_loadu_si512(lines[3] + x), w01, w23);
  return {_mm512_srai_epi32(sums.low, 10), _mm512_srai_epi32(sums.high, 10)};
}

DESA2VA_AVX512 inline __m512i channel(const Sums& y, __m512i low, __m512i high) {
  return _mm512_packs_epi32(_mm512_srai_epi32(_mm512_add_epi32(y.low, low), 22),
                            _mm512_srai_epi32(_mm512_add_epi32(y.high, high), 22));
}

DESA2VA_AVX512 inline __m512i lanes(__m128i lane) {
  return _mm512_broadcast_i32x4(lane);
}

DESA2VA_AVX512 void row_avx512(const YuvRow& row, const YuvColors& colors, std::uint8_t* rgb) {
  if (row.taps > 4) return avx2_yuv_kernels()->row(row, colors, rgb);
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
  const __m512i w01 = pair_of_weights(weights[0], weights[1]);
  const __m512i w23 = pair_of_weights(weights[2], weights[3]);
  // Luma as in yuv_avx2.cpp: 512 * (y * scale + 16 * base).
  const __m512i sixteen = _mm512_set1_epi16(16);
  const __m512i y_weights =
      pair_of_weights(static_cast<std::int16_t>(colors.y),
                      static_cast<std::int16_t>(256 - (colors.y_offset >> 13) * colors.y));
  const __m512i v_to_r = _mm512_set1_epi32(colors.v_to_r);
  const __m512i v_to_g = _mm512_set1_epi32(colors.v_to_g);
  const __m512i u_to_g = _mm512_set1_epi32(colors.u_to_g);
  const __m512i u_to_b = _mm512_set1_epi32(colors.u_to_b);
  // In each lane r0..r7 g0..g7 and b0..b7 to r0 g0 b0 ...: 16 bytes, then 8.
  const __m512i rg_first =
      lanes(_mm_setr_epi8(0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5));
  const __m512i b_first =
      lanes(_mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1));
  const __m512i rg_rest =
      lanes(_mm_setr_epi8(13, -1, 6, 14, -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m512i b_rest =
      lanes(_mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1));
  // 16 bytes of `first`, 8 of `rest`, and so on by lanes.
  const __m512i front = _mm512_setr_epi64(0, 1, 8, 2, 3, 10, 4, 5);
  const __m512i back = _mm512_setr_epi64(12, 6, 7, 14, 0, 0, 0, 0);
  const __m512i none = _mm512_setzero_si512();
  int x = 0;
  for (; x + 32 <= row.width; x += 32, rgb += 96) {
    const Sums u = chroma(u_lines, x, w01, w23);
    const Sums v = chroma(v_lines, x, w01, w23);
    const __m512i luma = bytes_to_words(row.y + x);
    const Sums y = {
        _mm512_slli_epi32(_mm512_madd_epi16(_mm512_unpacklo_epi16(luma, sixteen), y_weights), 9),
        _mm512_slli_epi32(_mm512_madd_epi16(_mm512_unpackhi_epi16(luma, sixteen), y_weights), 9)};
    const __m512i r =
        channel(y, _mm512_mullo_epi32(v.low, v_to_r), _mm512_mullo_epi32(v.high, v_to_r));
    const __m512i g = channel(
        y, _mm512_add_epi32(_mm512_mullo_epi32(v.low, v_to_g), _mm512_mullo_epi32(u.low, u_to_g)),
        _mm512_add_epi32(_mm512_mullo_epi32(v.high, v_to_g), _mm512_mullo_epi32(u.high, u_to_g)));
    const __m512i b =
        channel(y, _mm512_mullo_epi32(u.low, u_to_b), _mm512_mullo_epi32(u.high, u_to_b));
    const __m512i rg = _mm512_packus_epi16(r, g);
    const __m512i bb = _mm512_packus_epi16(b, none);
    const __m512i first =
        _mm512_or_si512(_mm512_shuffle_epi8(rg, rg_first), _mm512_shuffle_epi8(bb, b_first));
    const __m512i rest =
        _mm512_or_si512(_mm512_shuffle_epi8(rg, rg_rest), _mm512_shuffle_epi8(bb, b_rest));
    _mm512_storeu_si512(rgb, _mm512_permutex2var_epi64(first, front, rest));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rgb + 64),
                        _mm512_castsi512_si256(_mm512_permutex2var_epi64(first, back, rest)));
  }
  if (x == row.width) return;
  for (int t = 0; t < 4; ++t) {
    u_lines[t] += x;
    v_lines[t] += x;
  }
  avx2_yuv_kernels()->row({row.y + x, u_lines, v_lines, weights, 4, row.width - x}, colors, rgb);
}

}  // namespace

const YuvKernels* avx512_yuv_kernels() {
  static const YuvKernels kernels{widen_avx512, row_avx512};
  const bool there = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  return there && avx2_yuv_kernels() != nullptr ? &kernels : nullptr;
}

}  // namespace desa2va::preprocess

#else

namespace desa2va::preprocess {

const YuvKernels* avx512_yuv_kernels() {
  return nullptr;
}

}  // namespace desa2va::preprocess

#endif
