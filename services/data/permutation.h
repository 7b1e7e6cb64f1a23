#pragma once

#include <array>
#include <cstdint>

namespace desa2va::data {

// A bijection of [0, size), fixed by (seed, epoch), in constant memory: a Feistel network over just
// enough bits, walked until it lands inside (Black and Rogaway 2002): below two rounds on average.
// Its round keys come from Philox, its rounds mix with the finaliser of SplitMix64. Immutable.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch);

  std::uint64_t operator()(std::uint64_t i) const;   // i < size
  std::uint64_t inverse(std::uint64_t value) const;  // value < size: (*this)(inverse(v)) == v
  std::uint64_t size() const { return size_; }

 private:
  static constexpr unsigned kRounds = 6;  // even: the halves end as wide as they began

  std::uint64_t forward(std::uint64_t i) const;
  std::uint64_t backward(std::uint64_t i) const;

  std::uint64_t size_;
  unsigned left_bits_, right_bits_;
  std::array<std::uint64_t, kRounds> keys_;
};

}  // namespace desa2va::data
