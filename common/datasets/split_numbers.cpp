#include "common/datasets/split_numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

namespace desa2va::datasets {

namespace {

struct Stretch {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// Splits lie one after another in the order of the fact "splits"; "split/NAME" begins with how many
// samples each has. Nothing where the facts do not say so, or not of all samples: those of a shard
// that was merged or cut are of the one it comes from.
std::optional<Stretch> told_stretch(const shards::Catalog& catalog, const std::string& wanted) {
  const auto splits = catalog.facts.find("splits");
  if (splits == catalog.facts.end()) return std::nullopt;
  std::istringstream names(splits->second);
  std::optional<Stretch> told;
  std::uint64_t next = 0;
  for (std::string name; names >> name;) {
    const auto fact = catalog.facts.find("split/" + name);
    if (fact == catalog.facts.end()) return std::nullopt;
    std::uint64_t count = 0;
    const char* begin = fact->second.data();
    const auto [end, error] = std::from_chars(begin, begin + fact->second.size(), count);
    if (error != std::errc() || !std::string_view(end).starts_with(" samples")) return std::nullopt;
    if (name == wanted) told = Stretch{next, next + count};
    next += count;
  }
  return next == catalog.samples ? told : std::nullopt;
}

Result<bool> is_of(const shards::ShardReader& reader, std::uint64_t number,
                   const std::string& prefix) {
  DESA2VA_ASSIGN(const shards::SampleRecord record, reader.sample(number));
  return record.key.starts_with(prefix);
}

// The ends are of the split, and what lies beyond them is not.
Result<bool> agrees(const shards::ShardReader& reader, const Stretch& stretch,
                    const std::string& prefix) {
  if (stretch.first == stretch.last) return false;
  for (const std::uint64_t inside : {stretch.first, stretch.last - 1}) {
    DESA2VA_ASSIGN(const bool is, is_of(reader, inside, prefix));
    if (!is) return false;
  }
  if (stretch.first > 0) {
    DESA2VA_ASSIGN(const bool is, is_of(reader, stretch.first - 1, prefix));
    if (is) return false;
  }
  if (stretch.last < reader.sample_count()) {
    DESA2VA_ASSIGN(const bool is, is_of(reader, stretch.last, prefix));
    if (is) return false;
  }
  return true;
}

}  // namespace

Numbers::Numbers(std::uint64_t first, std::uint64_t last,
                 std::span<const shards::BrokenSample> broken)
    : first_(first) {
  for (const shards::BrokenSample& one : broken) {
    if (one.number < first || one.number >= last) continue;
    usable_before_.push_back(one.number - first - usable_before_.size());
  }
  size_ = last - first - usable_before_.size();
}

Numbers::Numbers(std::vector<std::uint64_t> list) : size_(list.size()), list_(std::move(list)) {}

std::uint64_t Numbers::operator[](std::uint64_t i) const {
  if (!list_.empty()) return list_[i];
  const auto broken = std::upper_bound(usable_before_.begin(), usable_before_.end(), i);
  return first_ + i + static_cast<std::uint64_t>(broken - usable_before_.begin());
}

void Numbers::keep(std::uint64_t count) {
  size_ = std::min(size_, count);
}

Result<Numbers> numbers_of_split(const shards::ShardReader& reader, const std::string& split) {
  const shards::Catalog& catalog = reader.catalog();
  if (split.empty()) return Numbers(0, catalog.samples, catalog.broken);
  const std::string prefix = catalog.dataset + "/" + split + "/";
  if (const auto told = told_stretch(catalog, split)) {
    DESA2VA_ASSIGN(const bool good, agrees(reader, *told, prefix));
    if (good) return Numbers(told->first, told->last, catalog.broken);
  }
  const Numbers all(0, catalog.samples, catalog.broken);
  std::vector<std::uint64_t> list;
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    DESA2VA_ASSIGN(const bool is, is_of(reader, all[i], prefix));
    if (is) list.push_back(all[i]);
  }
  return Numbers(std::move(list));
}

std::uint64_t places_in_epoch(std::uint64_t items, std::uint64_t repeats, double weight) {
  if (items == 0) return 0;
  if (weight == 1) return items * repeats;
  const double wanted = std::nearbyint(static_cast<double>(items * repeats) * weight);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
}

}  // namespace desa2va::datasets
