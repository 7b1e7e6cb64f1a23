#include "services/data/permutation.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/philox.h"
#include "common/base/random.h"

namespace desa2va::data {

namespace {

std::uint64_t low_bits(std::uint64_t value, unsigned bits) {
  return value & ((std::uint64_t{1} << bits) - 1);
}

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch)
    : size_(size) {
  const auto bits = std::max(2U, static_cast<unsigned>(std::bit_width(size > 0 ? size - 1 : 0)));
  left_bits_ = bits / 2;
  right_bits_ = bits - left_bits_;
  for (unsigned round = 0; round < kRounds; ++round) {
    const auto words = philox4x32(
        {round, 0, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(epoch >> 32U)},
        {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)});
    keys_[round] = static_cast<std::uint64_t>(words[1]) << 32U | words[0];
  }
}

// The halves change places and widths every round: what was right is left of the next.
std::uint64_t Permutation::forward(std::uint64_t i) const {
  unsigned left_bits = left_bits_;
  unsigned right_bits = right_bits_;
  std::uint64_t left = i >> right_bits;
  std::uint64_t right = low_bits(i, right_bits);
  for (const std::uint64_t key : keys_) {
    left ^= low_bits(mixed(right ^ key), left_bits);
    std::swap(left, right);
    std::swap(left_bits, right_bits);
  }
  return left << right_bits | right;
}

std::uint64_t Permutation::backward(std::uint64_t i) const {
  unsigned left_bits = left_bits_;
  unsigned right_bits = right_bits_;
  std::uint64_t left = i >> right_bits;
  std::uint64_t right = low_bits(i, right_bits);
  for (unsigned round = kRounds; round-- > 0;) {
    std::swap(left, right);
    std::swap(left_bits, right_bits);
    left ^= low_bits(mixed(right ^ keys_[round]), left_bits);
  }
  return left << right_bits | right;
}

std::uint64_t Permutation::operator()(std::uint64_t i) const {
  do {
    i = forward(i);
  } while (i >= size_);
  return i;
}

std::uint64_t Permutation::inverse(std::uint64_t value) const {
  do {
    value = backward(value);
  } while (value >= size_);
  return value;
}

}  // namespace desa2va::data
