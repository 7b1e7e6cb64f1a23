#include "common/preprocess/text/bpe.h"

#include <algorithm>
#include <functional>
#include <map>

namespace desa2va::text {

namespace {

constexpr std::size_t kShort = 48;  // tokens; below it the plain scan is quicker

std::uint64_t pair_key(TokenId left, TokenId right) {
  return (static_cast<std::uint64_t>(left) << 32U) | static_cast<std::uint64_t>(right);
}

}  // namespace

bool BpeMerges::add(TokenId left, TokenId right, Merge merge) {
  return merges_.emplace(pair_key(left, right), merge).second;
}

std::optional<BpeMerges::Merge> BpeMerges::find(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  if (found == merges_.end()) return std::nullopt;
  return found->second;
}

void BpeMerges::merge(std::vector<TokenId>& tokens) const {
  if (tokens.size() < 2) return;
  if (tokens.size() <= kShort) {
    merge_short(tokens);
  } else {
    merge_long(tokens);
  }
}

void BpeMerges::merge_short(std::vector<TokenId>& tokens) const {
  while (tokens.size() > 1) {
    std::optional<Merge> best;
    TokenId left = 0, right = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto merge = find(tokens[i], tokens[i + 1]);
      if (merge && (!best || merge->rank < best->rank)) {
        best = merge;
        left = tokens[i];
        right = tokens[i + 1];
      }
    }
    if (!best) return;
    std::size_t out = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool match = i + 1 < tokens.size() && tokens[i] == left && tokens[i + 1] == right;
      tokens[out++] = match ? best->result : tokens[i];
      if (match) ++i;
    }
    tokens.resize(out);
  }
}

// Tokens form a linked list over their first positions. Each rank that occurs has a bucket of the
// positions where its pair began when it was seen; whoever takes a position out of a bucket checks
// that the pair is still there. A merge puts at most two positions into buckets, and there are
// fewer merges than tokens, so the work is linear but for the map over ranks.
void BpeMerges::merge_long(std::vector<TokenId>& tokens) const {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const std::size_t size = tokens.size();
  std::vector<std::size_t> next(size), previous(size);
  for (std::size_t i = 0; i < size; ++i) {
    next[i] = i + 1 < size ? i + 1 : kNone;
    previous[i] = i > 0 ? i - 1 : kNone;
  }
  std::vector<bool> gone(size, false);
  std::map<std::uint32_t, std::vector<std::size_t>> buckets;
  const auto look = [&](std::size_t i) {
    if (i == kNone || next[i] == kNone) return;
    if (const auto merge = find(tokens[i], tokens[next[i]])) buckets[merge->rank].push_back(i);
  };
  for (std::size_t i = 0; i < size; ++i) look(i);

  while (!buckets.empty()) {
    const std::uint32_t rank = buckets.begin()->first;
    std::vector<std::size_t> places = std::move(buckets.begin()->second);
    buckets.erase(buckets.begin());
    if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
    std::size_t merged = 0;
    for (const std::size_t i : places) {
      if (gone[i] || next[i] == kNone) continue;
      const std::size_t j = next[i];
      const auto merge = find(tokens[i], tokens[j]);
      if (!merge || merge->rank != rank) continue;
      tokens[i] = merge->result;
      gone[j] = true;
      next[i] = next[j];
      if (next[i] != kNone) previous[next[i]] = i;
      places[merged++] = i;
    }
    for (std::size_t k = 0; k < merged; ++k) {  // new neighbours, when the sweep is over
      look(previous[places[k]]);
      look(places[k]);
    }
  }

  std::size_t out = 0;
  for (std::size_t i = 0; i != kNone; i = next[i]) tokens[out++] = tokens[i];
  tokens.resize(out);
}

}  // namespace desa2va::text
