#include "services/data/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

Pick at(const Order& order, std::uint64_t epoch, std::uint64_t i) {
  return OrderReader(order).at(epoch, i);
}

TEST(Order, AnEpochHoldsEveryItemOfEveryRepeatOnce) {
  const Order order = order_of({{30, 2, 100}, {17, 3, 10'000}, {0, 5, 100}, {9, 1, 20'000}});
  ASSERT_EQ(order.size(), 30U * 2 + 17 * 3 + 9);
  std::set<Pick> seen;
  for (std::uint64_t i = 0; i < order.size(); ++i) seen.insert(at(order, 3, i));
  EXPECT_EQ(seen.size(), order.size());
}

TEST(Order, MicrobatchesCoverAnEpochAndTheRoundUpRepeatsItsStart) {
  const Grouping grouping{2, 4, 8, 2};  // groups of 16
  const Order order = order_of({{50, 1, 100}}, grouping);
  std::map<Pick, int> seen;
  for (std::uint64_t k = 0; k < 64 / 2; ++k) {
    for (const Pick& pick : OrderReader(order).microbatch(k)) ++seen[pick];
  }
  EXPECT_EQ(seen.size(), 50U);
  for (const auto& [pick, count] : seen) EXPECT_LE(count, 2);
}

TEST(Order, MicrobatchesFollowTheBlocksOfTheReference) {
  const Grouping grouping{2, 4, 8, 2};
  const Order order = order_of({{640, 1, 100}}, grouping);
  // Microbatch 5 of update 3: rank 1, micro-iteration 2 of the update, 14 of the epoch; its samples
  // are elements rank + (14 * batch + b) * world.
  const auto picks = OrderReader(order).microbatch(3 * 8 + 5);
  ASSERT_EQ(picks.size(), 2U);
  EXPECT_EQ(picks[0], at(order, 0, 1 + (14 * 2 + 0) * 2));
  EXPECT_EQ(picks[1], at(order, 0, 1 + (14 * 2 + 1) * 2));
}

TEST(Order, MegaBatchesAreSortedByDecreasingLengthClass) {
  const Grouping grouping{2, 4, 4, 1};  // groups of 8
  const Order order = order_of({{200, 1, 100}, {60, 1, 10'000}, {20, 1, 20'000}}, grouping);
  const std::uint64_t mega = 8 * (280 / 32);
  const auto length = [](const Pick& pick) {
    return std::array<int, 3>{100, 10'000, 20'000}[pick.member];
  };
  int unsorted = 0;
  for (std::uint64_t i = 1; i < order.size(); ++i) {
    if (i % mega <= 1) continue;  // heads may have changed places
    unsorted += length(at(order, 0, i - 1)) < length(at(order, 0, i));
  }
  EXPECT_EQ(unsorted, 0);
  EXPECT_EQ(length(at(order, 0, 0)), 20'000);  // the longest of all comes first
}

TEST(Order, TheReferenceQuirkListsRepeatedVideosOnce) {
  Grouping grouping;
  grouping.reference_repeats = true;
  const Order order = order_of({{10, 4, 100}, {10, 4, 10'000}, {10, 1, 100}}, grouping);
  EXPECT_EQ(order.size(), 40U + 10 + 10);
  for (std::uint64_t i = 0; i < order.size(); ++i) EXPECT_LE(at(order, 0, i).member, 1U);
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

TEST(Permutation, TheInverseFindsThePlace) {
  for (const std::uint64_t size : {1ULL, 2ULL, 3ULL, 17ULL, 4096ULL, 1'200'000ULL, 1ULL << 40U}) {
    const Permutation permutation(size, 3, 5);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(size, 500); ++i) {
      ASSERT_EQ(permutation.inverse(permutation(i)), i) << size;
    }
  }
}

// Every position of the image is as likely as any other: a crude chi-square over 16 x 16 cells.
TEST(Permutation, SpreadsEvenly) {
  constexpr std::uint64_t kSize = 100'000;
  const Permutation permutation(kSize, 8, 1);
  std::array<std::array<double, 16>, 16> cells{};
  for (std::uint64_t i = 0; i < kSize; ++i) ++cells[i * 16 / kSize][permutation(i) * 16 / kSize];
  double chi = 0;
  for (const auto& row : cells) {
    for (const double count : row) chi += (count - kSize / 256.0) * (count - kSize / 256.0);
  }
  chi /= kSize / 256.0;
  EXPECT_GT(chi, 140);  // 225 degrees of freedom: four deviations to each side
  EXPECT_LT(chi, 310);
}

// A weight below one: each pass over the items is spread over epochs, nothing twice in a pass.
TEST(Order, AWeightIsThatManyPassesAnEpoch) {
  const Order order = order_of({{10, 1, 100, 1}, {40, 1, 100, 0.25}, {6, 2, 100, 1.25}});
  ASSERT_EQ(order.size(), 10U + 10 + 15);
  std::map<std::uint32_t, std::map<std::uint64_t, int>> seen;
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    for (std::uint64_t i = 0; i < order.size(); ++i) {
      const Pick pick = at(order, epoch, i);
      ++seen[pick.member][pick.item];
    }
  }
  EXPECT_EQ(seen[0].size(), 10U);
  EXPECT_EQ(seen[1].size(), 40U);
  EXPECT_EQ(seen[2].size(), 6U);
  for (const auto& [item, count] : seen[0]) EXPECT_EQ(count, 4);
  for (const auto& [item, count] : seen[1]) EXPECT_EQ(count, 1);
  for (const auto& [item, count] : seen[2]) EXPECT_EQ(count, 10);
}

std::uint64_t uneven(std::uint64_t item) {
  return 10 + Random(3, "test", "work").below(item, 1000);
}

TEST(Order, ByWorkAnUpdateHoldsSamplesAlikeAndNothingIsLost) {
  Grouping grouping{2, 4, 8, 2};
  grouping.by = GroupBy::Work;
  const Order order = order_of({{1000, 1, 100, 1, uneven}}, grouping);
  // The spread within updates of 16 samples, against that of the same samples as they come.
  const auto spread = [](const Order& of) {
    OrderReader reader(of);
    double sum = 0;
    for (std::uint64_t update = 0; update < 60; ++update) {
      std::uint64_t least = 10'000, most = 0;
      for (std::uint64_t m = 0; m < 8; ++m) {
        for (const Pick& pick : reader.microbatch(update * 8 + m)) {
          least = std::min(least, of.work(pick));
          most = std::max(most, of.work(pick));
        }
      }
      sum += static_cast<double>(most - least);
    }
    return sum / 60;
  };
  grouping.by = GroupBy::Nothing;
  EXPECT_LT(spread(order), 0.2 * spread(order_of({{1000, 1, 100, 1, uneven}}, grouping)));

  std::set<Pick> seen;  // two epochs, joined without a seam: 2000 samples, 1000 microbatches
  OrderReader reader(order);
  for (std::uint64_t k = 0; k < 500; ++k) {
    for (const Pick& pick : reader.microbatch(k)) EXPECT_TRUE(seen.insert(pick).second) << k;
  }
  EXPECT_EQ(seen.size(), 1000U);
  for (std::uint64_t k = 500; k < 1000; ++k) {
    for (const Pick& pick : reader.microbatch(k)) seen.erase(pick);
  }
  EXPECT_TRUE(seen.empty());
}

TEST(Order, HeaviestFirstChangesTheOrderWithinUpdatesAlone) {
  for (const GroupBy by : {GroupBy::Class, GroupBy::Work, GroupBy::Nothing}) {
    Grouping grouping{2, 4, 8, 2};
    grouping.by = by;
    const std::vector<MixtureMember> members = {{300, 1, 100, 1, uneven},
                                                {90, 2, 10'000, 1, uneven}};
    const Order given = order_of(members, grouping);
    grouping.heaviest_first = true;
    const Order heaviest = order_of(members, grouping);
    for (std::uint64_t update = 0; update < 40; ++update) {
      std::multiset<std::vector<Pick>> left, right;
      std::uint64_t before = ~std::uint64_t{0};
      for (std::uint64_t m = 0; m < 8; ++m) {
        left.insert(OrderReader(given).microbatch(update * 8 + m));
        const auto picks = OrderReader(heaviest).microbatch(update * 8 + m);
        right.insert(picks);
        std::uint64_t work = 0;
        for (const Pick& pick : picks) work += heaviest.work(pick);
        EXPECT_LE(work, before);
        before = work;
      }
      EXPECT_EQ(left, right) << update;
    }
  }
}

TEST(Order, AReaderThatJumpsSeesWhatOneThatReadsOnSees) {
  Grouping grouping{2, 4, 8, 2};
  grouping.heaviest_first = true;
  const Order order = order_of({{700, 1, 100}, {90, 3, 10'000}, {1, 1, 20'000}}, grouping);
  OrderReader on(order);
  std::vector<std::vector<Pick>> all;
  for (std::uint64_t k = 0; k < 1200; ++k) all.push_back(on.microbatch(k));
  const Random random(1, "test", "jump");
  OrderReader jumping(order);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t k = random.below(i, 1200);
    ASSERT_EQ(jumping.microbatch(k), all[k]) << k;
    ASSERT_EQ(OrderReader(order).microbatch(k), all[k]) << k;
  }
}

TEST(Order, AnEmptyMixtureAndAnUnevenGroupAreRefused) {
  EXPECT_FALSE(Order::make({}, 1, "BC", {}));
  EXPECT_FALSE(Order::make({{0, 4, 100}}, 1, "BC", {}));
  const auto order = Order::make({{4, 1, 100}}, 1, "BC", {2, 4, 10, 4});
  ASSERT_FALSE(order);
  EXPECT_NE(order.error().message().find("data.group_world=4"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::data
