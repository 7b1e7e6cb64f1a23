#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
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

  void reserve(std::size_t merges) { merges_.reserve(merges); }
  // False when the pair already has a merge (the first one stays).
  bool add(TokenId left, TokenId right, Merge merge);
  std::optional<Merge> find(TokenId left, TokenId right) const;
  std::size_t size() const { return merges_.size(); }

  // Merges in place until no pair with a rank remains: always the lowest rank present, all its
  // occurrences from left to right. Near-linear in tokens.size(), also for a megabyte of one
  // character: pairs wait in one bucket per rank.
  void merge(std::vector<TokenId>& tokens) const;

 private:
  void merge_short(std::vector<TokenId>& tokens) const;
  void merge_long(std::vector<TokenId>& tokens) const;

  struct PairHash {
    std::size_t operator()(std::uint64_t key) const {
      return static_cast<std::size_t>((key ^ (key >> 29U)) * 0x9E3779B97F4A7C15ULL);
    }
  };
  std::unordered_map<std::uint64_t, Merge, PairHash> merges_;
};

}  // namespace desa2va::text
