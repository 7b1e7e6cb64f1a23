#include "common/base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "common/base/philox.h"

namespace desa2va {
namespace {

// Words of a stretch whose uniform numbers are made at a time.
constexpr std::size_t kWords = 1024;

}  // namespace

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
  const std::size_t whole = (out.size() - done) / 4 * 4;
  philox_blocks((first + done) / 4, site_, microbatch_, key_, out.subspan(done, whole));
  for (done += whole; done < out.size(); ++done) out[done] = word(first + done);
}

void Random::fill_uniform(std::span<float> out, std::uint64_t first) const {
  std::array<std::uint32_t, kWords> words;  // not initialised: all that is read is written
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
