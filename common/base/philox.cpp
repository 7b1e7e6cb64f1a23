#include "common/base/philox.h"

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace desa2va {
namespace {

constexpr std::uint32_t kFactor0 = 0xD2511F53, kFactor1 = 0xCD9E8D57;
constexpr std::uint32_t kStep0 = 0x9E3779B9, kStep1 = 0xBB67AE85;
constexpr int kRounds = 10;

// What all blocks of a stretch have in common.
struct Rest {
  std::uint32_t third, fourth;
  PhiloxKey key;
};

// Writes whole groups of blocks and says how many words that were.
using Groups = std::size_t (*)(std::uint64_t first, const Rest& rest, std::span<std::uint32_t> out);

#if defined(__x86_64__)

#define DESA2VA_AVX512 __attribute__((target("avx512f")))

// Eight blocks, one a lane: a word is the lower half of its 64 bits, whatever is in the upper one,
// since products look at lower halves alone.
struct Eight {
  __m512i c0, c1, c2, c3;
};

DESA2VA_AVX512 inline Eight counters(std::uint64_t first, const Rest& rest) {
  const __m512i low = _mm512_add_epi64(_mm512_set1_epi64(static_cast<std::int64_t>(first)),
                                       _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  return {low, _mm512_srli_epi64(low, 32), _mm512_set1_epi64(rest.third),
          _mm512_set1_epi64(rest.fourth)};
}

DESA2VA_AVX512 inline Eight next_round(const Eight& c, __m512i key0, __m512i key1) {
  const __m512i p0 = _mm512_mul_epu32(_mm512_set1_epi64(kFactor0), c.c0);
  const __m512i p1 = _mm512_mul_epu32(_mm512_set1_epi64(kFactor1), c.c2);
  return {_mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(p1, 32), c.c1), key0), p1,
          _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(p0, 32), c.c3), key1), p0};
}

// Block after block.
DESA2VA_AVX512 inline void store(const Eight& c, std::uint32_t* out) {
  const __m512i lower = _mm512_set1_epi64(0xFFFFFFFF);
  const __m512i a = _mm512_or_si512(_mm512_and_si512(c.c0, lower), _mm512_slli_epi64(c.c1, 32));
  const __m512i b = _mm512_or_si512(_mm512_and_si512(c.c2, lower), _mm512_slli_epi64(c.c3, 32));
  const __m512i first_half = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(a, first_half, b));
  _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64(a, second_half, b));
}

// Two vectors at a time hide the latency of the products.
DESA2VA_AVX512 std::size_t groups_avx512(std::uint64_t first, const Rest& rest,
                                         std::span<std::uint32_t> out) {
  std::size_t done = 0;
  for (; done + 64 <= out.size(); done += 64) {
    Eight a = counters(first + done / 4, rest), b = counters(first + done / 4 + 8, rest);
    PhiloxKey key = rest.key;
    for (int round = 0; round < kRounds; ++round) {
      const __m512i key0 = _mm512_set1_epi64(key[0]), key1 = _mm512_set1_epi64(key[1]);
      a = next_round(a, key0, key1);
      b = next_round(b, key0, key1);
      key[0] += kStep0;
      key[1] += kStep1;
    }
    store(a, out.data() + done);
    store(b, out.data() + done + 32);
  }
  return done;
}

Groups widest() {
  return __builtin_cpu_supports("avx512f") ? groups_avx512 : nullptr;
}

#else

Groups widest() {
  return nullptr;
}

#endif

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c, PhiloxKey key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kFactor0} * c[0];
    const std::uint64_t p1 = std::uint64_t{kFactor1} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32U) ^ c[1] ^ key[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32U) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += kStep0;
    key[1] += kStep1;
  }
  return c;
}

void philox_blocks(std::uint64_t first, std::uint32_t third, std::uint32_t fourth, PhiloxKey key,
                   std::span<std::uint32_t> out) {
  static const Groups groups = widest();
  std::size_t done = groups == nullptr ? 0 : groups(first, {third, fourth, key}, out);
  for (; done < out.size(); done += 4) {
    const std::uint64_t counter = first + done / 4;
    const auto words = philox4x32({static_cast<std::uint32_t>(counter),
                                   static_cast<std::uint32_t>(counter >> 32U), third, fourth},
                                  key);
    for (std::size_t w = 0; w < 4; ++w) out[done + w] = words[w];
  }
}

}  // namespace desa2va
