#include "common/preprocess/text/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <queue>
#include <tuple>

namespace desa2va::text {

namespace {

constexpr std::size_t kShort = 64;  // tokens; below it the plain scan is quicker

}  // namespace

void BpeMerges::reserve(std::size_t merges) {
  grow(std::bit_ceil(2 * std::max<std::size_t>(merges, 8)));
}

void BpeMerges::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  std::vector<Slot> old(slots);
  old.swap(slots_);
  for (const Slot& taken : old) {
    if (taken.key == kFree) continue;
    std::size_t at = hash(taken.key) & (slots - 1);
    while (slots_[at].key != kFree) at = (at + 1) & (slots - 1);
    slots_[at] = taken;
  }
}

const BpeMerges::Slot& BpeMerges::slot(TokenId left, TokenId right) const {
  const std::uint64_t key = key_of(left, right);
  std::size_t at = hash(key) & (slots_.size() - 1);
  while (slots_[at].key != key && slots_[at].key != kFree) at = (at + 1) & (slots_.size() - 1);
  return slots_[at];
}

bool BpeMerges::add(TokenId left, TokenId right, Merge merge) {
  if (2 * (size_ + 1) > slots_.size()) grow(std::max<std::size_t>(2 * slots_.size(), 16));
  Slot& taken = const_cast<Slot&>(slot(left, right));
  if (taken.key != kFree) return false;
  taken = {key_of(left, right), merge.rank, static_cast<std::uint32_t>(merge.result)};
  ++size_;
  return true;
}

std::optional<BpeMerges::Merge> BpeMerges::find(TokenId left, TokenId right) const {
  if (size_ == 0) return std::nullopt;
  const Slot& found = slot(left, right);
  if (found.key == kFree) return std::nullopt;
  return Merge{found.rank, found.result};
}

std::uint32_t BpeMerges::rank(TokenId left, TokenId right) const {
  const Slot& found = slot(left, right);
  return found.key == kFree ? kNoRank : found.rank;
}

void BpeMerges::merge(std::vector<TokenId>& tokens) const {
  if (tokens.size() < 2 || size_ == 0) return;
  if (tokens.size() <= kShort) {
    merge_short(tokens);
  } else {
    merge_long(tokens);
  }
}

// ranks[i] is that of the pair (i, i + 1); a merge changes at most two of them.
void BpeMerges::merge_short(std::vector<TokenId>& tokens) const {
  std::array<std::uint32_t, kShort> ranks{};
  std::size_t pairs = tokens.size() - 1;
  for (std::size_t i = 0; i < pairs; ++i) ranks[i] = rank(tokens[i], tokens[i + 1]);
  while (pairs > 0) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < pairs; ++i)
      if (ranks[i] < ranks[best]) best = i;
    if (ranks[best] == kNoRank) break;
    tokens[best] = slot(tokens[best], tokens[best + 1]).result;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(ranks.begin() + static_cast<std::ptrdiff_t>(best) + 1,
              ranks.begin() + static_cast<std::ptrdiff_t>(pairs),
              ranks.begin() + static_cast<std::ptrdiff_t>(best));
    --pairs;
    if (best < pairs) ranks[best] = rank(tokens[best], tokens[best + 1]);
    if (best > 0) ranks[best - 1] = rank(tokens[best - 1], tokens[best]);
  }
}

// Tokens form a linked list over their first positions; a heap holds (rank, position, result) of
// the pairs seen. Whoever takes an entry out checks that its pair is still there.
void BpeMerges::merge_long(std::vector<TokenId>& tokens) const {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  const auto size = static_cast<std::uint32_t>(tokens.size());
  std::vector<std::uint32_t> next(size), previous(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    next[i] = i + 1 < size ? i + 1 : kNone;
    previous[i] = i > 0 ? i - 1 : kNone;
  }
  std::vector<bool> gone(size, false);
  struct Pair {
    std::uint32_t rank;
    std::uint32_t at;
    bool operator>(const Pair& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::vector<Pair> seen;
  seen.reserve(size);
  for (std::uint32_t i = 0; i + 1 < size; ++i) {
    const std::uint32_t found = rank(tokens[i], tokens[i + 1]);
    if (found != kNoRank) seen.push_back({found, i});
  }
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> pairs({}, std::move(seen));
  const auto look = [&](std::uint32_t i) {
    if (i == kNone || next[i] == kNone) return;
    const std::uint32_t found = rank(tokens[i], tokens[next[i]]);
    if (found != kNoRank) pairs.push({found, i});
  };
  while (!pairs.empty()) {
    const Pair pair = pairs.top();
    pairs.pop();
    if (gone[pair.at] || next[pair.at] == kNone) continue;
    const std::uint32_t right = next[pair.at];
    const Slot& merge = slot(tokens[pair.at], tokens[right]);
    if (merge.key == kFree || merge.rank != pair.rank) continue;
    tokens[pair.at] = merge.result;
    gone[right] = true;
    next[pair.at] = next[right];
    if (next[right] != kNone) previous[next[right]] = pair.at;
    look(previous[pair.at]);
    look(pair.at);
  }

  std::size_t out = 0;
  for (std::uint32_t i = 0; i != kNone; i = next[i]) tokens[out++] = tokens[i];
  tokens.resize(out);
}

}  // namespace desa2va::text
