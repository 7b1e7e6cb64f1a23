#include "common/base/random.h"

#include <cmath>
#include <numbers>
#include <string>

namespace desa2va {

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

std::uint32_t Random::word(std::uint64_t i) const { return block(i / 4)[i % 4]; }

void Random::fill_uniform(std::span<float> out, std::uint64_t first) const {
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t element = first + i;
    if (i == 0 || element % 4 == 0) words = block(element / 4);
    // 24 bits, so that the float is below 1 and exact.
    out[i] = static_cast<float>(words[element % 4] >> 8U) * 0x1p-24F;
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
