#include "common/preprocess/text/bpe.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace desa2va::text {
namespace {

// a = 0, b = 1; (a a) -> 2 first, (2 2) -> 3, (a b) -> 4 last.
BpeMerges letters() {
  BpeMerges merges;
  merges.add(0, 0, {0, 2});
  merges.add(2, 2, {1, 3});
  merges.add(0, 1, {2, 4});
  return merges;
}

TEST(BpeMerges, TheLowestRankGoesFirstFromTheLeft) {
  std::vector<TokenId> tokens = {0, 0, 0, 1};
  letters().merge(tokens);
  EXPECT_EQ(tokens, (std::vector<TokenId>{2, 4}));
}

TEST(BpeMerges, NothingAndOneTokenStayAsTheyAre) {
  std::vector<TokenId> none, one = {0};
  letters().merge(none);
  letters().merge(one);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(one, (std::vector<TokenId>{0}));
}

TEST(BpeMerges, ASecondMergeOfAPairIsRefused) {
  BpeMerges merges = letters();
  EXPECT_FALSE(merges.add(0, 0, {9, 9}));
  EXPECT_EQ(merges.find(0, 0)->result, 2);
}

TEST(BpeMerges, AMillionEqualTokensAreMergedInBuckets) {
  std::vector<TokenId> tokens(1'000'001, 0);
  letters().merge(tokens);
  ASSERT_EQ(tokens.size(), 250'001U);
  EXPECT_EQ(tokens.front(), 3);
  EXPECT_EQ(tokens.back(), 0);
}

// One pair at a time, rank by rank, as the definition says.
std::vector<TokenId> by_definition(std::vector<TokenId> tokens, const BpeMerges& merges) {
  for (;;) {
    std::optional<BpeMerges::Merge> best;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto merge = merges.find(tokens[i], tokens[i + 1]);
      if (merge && (!best || merge->rank < best->rank)) best = merge;
    }
    if (!best) return tokens;
    std::vector<TokenId> out;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto merge = i + 1 < tokens.size() ? merges.find(tokens[i], tokens[i + 1])
                                               : std::optional<BpeMerges::Merge>();
      const bool match = merge && merge->rank == best->rank;
      out.push_back(match ? merge->result : tokens[i]);
      if (match) ++i;
    }
    tokens = std::move(out);
  }
}

TEST(BpeMerges, ShortAndLongListsFollowTheDefinitionForRandomMerges) {
  const Random random(3, "test", "merges");
  std::uint64_t at = 0;
  for (int round = 0; round < 200; ++round) {
    BpeMerges merges;
    TokenId next = 3;
    for (std::uint32_t rank = 0; rank < 12; ++rank) {
      const auto ids = static_cast<std::uint32_t>(next);
      const TokenId left = random.below(at++, ids);
      const TokenId right = random.below(at++, ids);
      if (merges.add(left, right, {rank, next})) ++next;
    }
    std::vector<TokenId> tokens(1 + random.below(at++, 150));
    for (TokenId& token : tokens) token = random.below(at++, 3);
    const std::vector<TokenId> expected = by_definition(tokens, merges);
    merges.merge(tokens);
    ASSERT_EQ(tokens, expected);
  }
}

}  // namespace
}  // namespace desa2va::text
