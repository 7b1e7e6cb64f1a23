#include "common/base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

// One copy for each width of vector that a processor may have. Sanitizers run before the choice is
// made.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DESA2VA_WIDEST
#else
#define DESA2VA_WIDEST __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#endif

namespace desa2va {
namespace {

constexpr std::size_t kLanes = 16;          // blocks
constexpr std::size_t kWords = 4 * kLanes;  // of them
using Lanes = std::array<std::uint32_t, kLanes>;

// Blocks first .. first + 15, as philox4x32 gives them one by one.
DESA2VA_WIDEST
void philox_blocks(std::uint64_t first, std::uint32_t site, std::uint32_t microbatch,
                   std::array<std::uint32_t, 2> key, std::uint32_t* out) {
  Lanes c0, c1, c2, c3;
  for (std::size_t i = 0; i < kLanes; ++i) {
    c0[i] = static_cast<std::uint32_t>(first + i);
    c1[i] = static_cast<std::uint32_t>((first + i) >> 32U);
    c2[i] = site;
    c3[i] = microbatch;
  }
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = static_cast<std::uint32_t>(p1 >> 32U) ^ c1[i] ^ key[0];
      c2[i] = static_cast<std::uint32_t>(p0 >> 32U) ^ c3[i] ^ key[1];
      c1[i] = static_cast<std::uint32_t>(p1);
      c3[i] = static_cast<std::uint32_t>(p0);
    }
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    out[4 * i] = c0[i];
    out[4 * i + 1] = c1[i];
    out[4 * i + 2] = c2[i];
    out[4 * i + 3] = c3[i];
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c,
                                        std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32U) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32U) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9U;
    k[1] += 0xBB67AE85U;
  }
  return c;
}

Random::Random(std::uint64_t seed, std::string_view purpose, std::string_view site,
               std::uint32_t microbatch)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)},
      site_(fnv1a32(std::string(purpose).append("/").append(site))),
      microbatch_(microbatch) {}

std::array<std::uint32_t, 4> Random::block(std::uint64_t i) const {
  return philox4x32(
      {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32U), site_, microbatch_},
      key_);
}

std::uint32_t Random::word(std::uint64_t i) const {
  return block(i / 4)[i % 4];
}

void Random::fill_words(std::span<std::uint32_t> out, std::uint64_t first) const {
  std::size_t done = 0;
  for (; done < out.size() && (first + done) % 4 != 0; ++done) out[done] = word(first + done);
  for (; done + kWords <= out.size(); done += kWords)
    philox_blocks((first + done) / 4, site_, microbatch_, key_, out.data() + done);
  for (; done < out.size(); ++done) out[done] = word(first + done);
}

void Random::fill_uniform(std::span<float> out, std::uint64_t first) const {
  std::array<std::uint32_t, 16 * kWords> words;  // not initialised: all that is read is written
  for (std::size_t done = 0; done < out.size();) {
    const auto count = std::min(words.size(), out.size() - done);
    fill_words(std::span(words).first(count), first + done);
    // 24 bits, so that the float is below 1 and exact.
    for (std::size_t i = 0; i < count; ++i)
      out[done + i] = static_cast<float>(words[i] >> 8U) * 0x1p-24F;
    done += count;
  }
}

void Random::fill_normal(std::span<float> out, std::uint64_t first) const {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto words = block((first + i) / 2);
    const std::size_t half = (first + i) % 2 * 2;
    const double u = (words[half] + 1.0) * 0x1p-32;  // (0, 1]
    const double angle = 2 * std::numbers::pi * (words[half + 1] * 0x1p-32);
    out[i] = static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(angle));
  }
}

}  // namespace desa2va
