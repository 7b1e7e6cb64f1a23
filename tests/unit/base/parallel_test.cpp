#include "common/base/parallel.h"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace desa2va {
namespace {

TEST(Parallel, EveryNumberIsWorkedOnce) {
  for (const unsigned threads : {0U, 1U, 3U, 200U}) {
    std::vector<std::atomic<int>> times(100);
    std::uint64_t told = 0;
    const auto result = for_each_parallel(
        times.size(), threads,
        [&](std::uint64_t i) -> Result<void> {
          ++times[i];
          return {};
        },
        [&](std::uint64_t done, std::uint64_t) { EXPECT_EQ(done, ++told); });
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(told, times.size());
    for (const auto& one : times) EXPECT_EQ(one, 1);
  }
}

TEST(Parallel, NothingToDoIsDone) {
  EXPECT_TRUE(for_each_parallel(0, 4, [](std::uint64_t) -> Result<void> {
                return fail(Errc::Internal, "called");
              }).has_value());
}

TEST(Parallel, TheFailureOfTheLowestNumberIsReturned) {
  const auto failed = for_each_parallel(100, 3, [](std::uint64_t i) -> Result<void> {
    if (i >= 5) return fail(Errc::Corrupt, "{}", i);
    return {};
  });
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().message(), "5");
}

}  // namespace
}  // namespace desa2va
