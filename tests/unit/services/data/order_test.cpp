#include "services/data/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/random.h"

namespace desa2va::data {
namespace {

TEST(Permutation, IsABijectionForEverySmallSize) {
  for (std::uint64_t size = 1; size <= 300; ++size) {
    const Permutation permutation(size, 42, size % 3);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < size; ++i) {
      ASSERT_LT(permutation(i), size);
      seen.insert(permutation(i));
    }
    ASSERT_EQ(seen.size(), size);
  }
}

TEST(Permutation, IsABijectionForRandomSizesAndSeeds) {
  const Random random(5, "test", "permutation");
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::uint64_t size = 1 + random.below(2 * round, 70'000);
    const Permutation permutation(size, random.word(2 * round + 1), round);
    std::vector<bool> seen(size, false);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t to = permutation(i);
      ASSERT_LT(to, size);
      ASSERT_FALSE(seen[to]);
      seen[to] = true;
    }
  }
}

TEST(Permutation, SeedAndEpochChangeTheOrder) {
  const auto all = [](std::uint64_t seed, std::uint64_t epoch) {
    const Permutation permutation(100, seed, epoch);
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 0; i < 100; ++i) out.push_back(permutation(i));
    return out;
  };
  EXPECT_EQ(all(1, 0), all(1, 0));
  EXPECT_NE(all(1, 0), all(2, 0));
  EXPECT_NE(all(1, 0), all(1, 1));
}

TEST(Permutation, WorksOnNumbersAboveThirtyTwoBits) {
  const std::uint64_t size = std::uint64_t{1} << 40U;
  const Permutation permutation(size, 9, 0);
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(permutation(size - 1 - i));
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_GT(*seen.rbegin(), std::uint64_t{1} << 32U);
}

Order order_of(std::vector<MixtureMember> members, Grouping grouping = {}) {
  auto order = Order::make(std::move(members), 42, "BC", grouping);
  EXPECT_TRUE(order) << order.error().message();
  return std::move(*order);
}

TEST(Order, AnEpochHoldsEveryItemOfEveryRepeatOnce) {
  const Order order = order_of({{30, 2, 100}, {17, 3, 10'000}, {0, 5, 100}, {9, 1, 20'000}});
  ASSERT_EQ(order.size(), 30U * 2 + 17 * 3 + 9);
  std::set<Pick> seen;
  for (std::uint64_t i = 0; i < order.size(); ++i) seen.insert(order.at(3, i));
  EXPECT_EQ(seen.size(), order.size());
}

TEST(Order, MicrobatchesCoverAnEpochAndTheRoundUpRepeatsItsStart) {
  Grouping grouping{2, 4, 8, 2, false};  // groups of 16
  const Order order = order_of({{50, 1, 100}}, grouping);
  std::map<Pick, int> seen;
  for (std::uint64_t k = 0; k < 64 / 2; ++k) {
    for (const Pick& pick : order.microbatch(k)) ++seen[pick];
  }
  EXPECT_EQ(seen.size(), 50U);
  for (const auto& [pick, count] : seen) EXPECT_LE(count, 2);
}

TEST(Order, MicrobatchesFollowTheBlocksOfTheReference) {
  const Grouping grouping{2, 4, 8, 2, false};
  const Order order = order_of({{640, 1, 100}}, grouping);
  // Microbatch 5 of update 3: rank 1, micro-iteration 2 of the update, 14 of the epoch; its samples
  // are elements rank + (14 * batch + b) * world.
  const auto picks = order.microbatch(3 * 8 + 5);
  ASSERT_EQ(picks.size(), 2U);
  EXPECT_EQ(picks[0], order.at(0, 1 + (14 * 2 + 0) * 2));
  EXPECT_EQ(picks[1], order.at(0, 1 + (14 * 2 + 1) * 2));
}

TEST(Order, MegaBatchesAreSortedByDecreasingLengthClass) {
  const Grouping grouping{2, 4, 4, 1, false};  // groups of 8
  const Order order = order_of({{200, 1, 100}, {60, 1, 10'000}, {20, 1, 20'000}}, grouping);
  const std::uint64_t mega = 8 * (280 / 32);
  const auto length = [](const Pick& pick) {
    return std::array<int, 3>{100, 10'000, 20'000}[pick.member];
  };
  int unsorted = 0;
  for (std::uint64_t i = 1; i < order.size(); ++i) {
    if (i % mega <= 1) continue;  // heads may have changed places
    unsorted += length(order.at(0, i - 1)) < length(order.at(0, i));
  }
  EXPECT_EQ(unsorted, 0);
  EXPECT_EQ(length(order.at(0, 0)), 20'000);  // the longest of all comes first
}

TEST(Order, TheReferenceQuirkListsRepeatedVideosOnce) {
  Grouping grouping;
  grouping.reference_repeats = true;
  const Order order = order_of({{10, 4, 100}, {10, 4, 10'000}, {10, 1, 100}}, grouping);
  EXPECT_EQ(order.size(), 40U + 10 + 10);
  for (std::uint64_t i = 0; i < order.size(); ++i) EXPECT_LE(order.at(0, i).member, 1U);
}

TEST(Order, FlatPositionsCoverEachEpochOnce) {
  const Order order = order_of({{7, 2, 100}, {5, 1, 10'000}});
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<Pick> seen;
    for (std::uint64_t i = 0; i < order.size(); ++i) seen.insert(order.flat(epoch * 19 + i));
    EXPECT_EQ(seen.size(), 19U);
  }
  EXPECT_NE(order.flat(0), order.flat(19));
}

TEST(Order, AnEmptyMixtureAndAnUnevenGroupAreRefused) {
  EXPECT_FALSE(Order::make({}, 1, "BC", {}));
  EXPECT_FALSE(Order::make({{0, 4, 100}}, 1, "BC", {}));
  const auto order = Order::make({{4, 1, 100}}, 1, "BC", {2, 4, 10, 4, false});
  ASSERT_FALSE(order);
  EXPECT_NE(order.error().message().find("data.group_world=4"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::data
