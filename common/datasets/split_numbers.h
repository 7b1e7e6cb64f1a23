#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/storage/shards/shard_reader.h"

namespace desa2va::datasets {

// The numbers of the samples of a shard that can be drawn: a stretch of it without the broken ones,
// in constant memory, or a list. Immutable.
class Numbers {
 public:
  Numbers() = default;
  // first .. last - 1 without those of `broken`, which ascend and may lie outside.
  Numbers(std::uint64_t first, std::uint64_t last, std::span<const shards::BrokenSample> broken);
  explicit Numbers(std::vector<std::uint64_t> list);

  std::uint64_t size() const { return size_; }
  std::uint64_t operator[](std::uint64_t i) const;  // ascending; i < size()
  void keep(std::uint64_t count);                   // only the first

 private:
  std::uint64_t size_ = 0;
  std::uint64_t first_ = 0;
  std::vector<std::uint64_t> usable_before_;  // for each broken one inside: usable ones before it
  std::vector<std::uint64_t> list_;
};

// Those of a split; empty: all. Where the importer's account of its splits agrees with the shard,
// nothing is read but the keys at the ends; else every key is.
Result<Numbers> numbers_of_split(const shards::ShardReader& reader, const std::string& split);

// How many places of an epoch a member of the mixture with so many items takes: each of them
// repeats * weight times on average; at least one place, unless there is no item.
std::uint64_t places_in_epoch(std::uint64_t items, std::uint64_t repeats, double weight);

}  // namespace desa2va::datasets
