#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// Byte-pair encoding over token numbers: which pairs merge, in which order, into what.
namespace desa2va::text {

using TokenId = std::int64_t;

// Immutable once filled; any number of threads may call `merge`.
class BpeMerges {
 public:
  struct Merge {
    std::uint32_t rank = 0;  // the lower, the earlier
    TokenId result = 0;
  };

  void reserve(std::size_t merges);
  // False when the pair already has a merge (the first one stays). Tokens are below 2^32.
  bool add(TokenId left, TokenId right, Merge merge);
  std::optional<Merge> find(TokenId left, TokenId right) const;
  std::size_t size() const { return size_; }

  // Merges in place until no pair with a rank remains: always the lowest rank present, of equal
  // ones the leftmost. Near-linear in tokens.size(), also for a megabyte of one character.
  void merge(std::vector<TokenId>& tokens) const;

 private:
  struct Slot {
    std::uint64_t key = kFree;
    std::uint32_t rank = 0;
    std::uint32_t result = 0;
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  static constexpr std::uint32_t kNoRank = ~std::uint32_t{0};

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(left) << 32U) | static_cast<std::uint64_t>(right);
  }
  static std::size_t hash(std::uint64_t key) {
    return static_cast<std::size_t>(((key ^ (key >> 29U)) * 0x9E3779B97F4A7C15ULL) >> 20U);
  }
  // The slot of the pair, or the free one where it would be.
  const Slot& slot(TokenId left, TokenId right) const;
  std::uint32_t rank(TokenId left, TokenId right) const;
  void grow(std::size_t slots);

  void merge_short(std::vector<TokenId>& tokens) const;
  void merge_long(std::vector<TokenId>& tokens) const;

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::size_t size_ = 0;
};

}  // namespace desa2va::text
