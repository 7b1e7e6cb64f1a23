#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

// Counter-based randomness: a number is a function of where it is used, never of what was drawn
// before it, so any process may draw any part in any order (Philox4x32-10, Salmon et al. 2011).
namespace desa2va {

// FNV-1a over UTF-8 bytes.
constexpr std::uint32_t fnv1a32(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}
constexpr std::uint64_t fnv1a64(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

// One stream of numbers: (seed, "purpose/site", microbatch of the run). Element i of a stream is
// always the same number. Immutable, cheap to copy, safe to share.
class Random {
 public:
  Random(std::uint64_t seed, std::string_view purpose, std::string_view site,
         std::uint32_t microbatch = 0);

  // Word i (32 random bits); words 4k..4k+3 come from one Philox block.
  std::uint32_t word(std::uint64_t i) const;
  // Element i as a number in [0, 1): word * 2^-32.
  double uniform(std::uint64_t i) const { return word(i) * 0x1p-32; }
  // Element i as an integer in [0, n), n >= 1, by multiplication (bias below n / 2^32).
  std::uint32_t below(std::uint64_t i, std::uint32_t n) const {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word(i)) * n) >> 32U);
  }
  // Words first .. first + out.size() - 1, sixteen blocks at a time.
  void fill_words(std::span<std::uint32_t> out, std::uint64_t first = 0) const;
  // Elements first .. first + out.size() - 1, uniform in [0, 1).
  void fill_uniform(std::span<float> out, std::uint64_t first = 0) const;
  // The same with a standard normal distribution (Box-Muller over elements 2i, 2i + 1).
  void fill_normal(std::span<float> out, std::uint64_t first = 0) const;
  // A random permutation of `out` (Fisher-Yates), drawing elements first, first + 1, ...
  template <class T>
  void shuffle(std::span<T> out, std::uint64_t first = 0) const {
    for (std::size_t i = out.size(); i > 1; --i)
      std::swap(out[i - 1], out[below(first + out.size() - i, static_cast<std::uint32_t>(i))]);
  }

 private:
  std::array<std::uint32_t, 4> block(std::uint64_t i) const;

  std::array<std::uint32_t, 2> key_;
  std::uint32_t site_;
  std::uint32_t microbatch_;
};

}  // namespace desa2va
