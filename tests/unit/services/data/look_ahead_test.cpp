#include "services/data/look_ahead.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <stdexcept>

namespace desa2va::data {
namespace {

constexpr std::int64_t kBytes = 1000;

Microbatch made_of(const Plan& plan) {
  Microbatch made;
  made.batch.ids = HostTensor::empty(DType::U8, {kBytes});
  made.samples = static_cast<std::uint32_t>(plan.number);
  return made;
}

Plan numbered(std::uint64_t number) {
  Plan plan;
  plan.number = number;
  return plan;
}

// Takes the next one, waiting for the workers where there are some.
class Consumer {
 public:
  Consumer(LookAhead::Make make, LookAhead::Limits limits)
      : ahead(std::move(make), limits, [this] { woken_.release(); }) {}
  Result<LookAhead::Made> next() {
    while (true) {
      while (ahead.wants()) ahead.add(numbered(planned_++));
      auto made = ahead.take();
      if (!made) return std::move(made.error());
      if (*made) return std::move(**made);
      woken_.acquire();
    }
  }

 private:
  std::counting_semaphore<1 << 20> woken_{0};
  std::uint64_t planned_ = 0;

 public:
  LookAhead ahead;  // last: it wakes
};

TEST(LookAhead, ComesInOrderWhateverTheNumberOfWorkers) {
  for (const int workers : {0, 1, 2, 5}) {
    Consumer consumer([](const Plan& plan) -> Result<Microbatch> { return made_of(plan); },
                      {workers, 4, std::size_t{1} << 20U});
    for (std::uint64_t i = 0; i < 200; ++i) {
      const auto made = consumer.next();
      ASSERT_TRUE(made) << made.error().message();
      ASSERT_EQ(made->plan.number, i);
      ASSERT_EQ(made->microbatch.samples, i);
    }
  }
}

TEST(LookAhead, IsNeverFurtherAheadThanItsBytes) {
  std::atomic<std::uint64_t> made_so_far{0};
  Consumer consumer(
      [&](const Plan& plan) -> Result<Microbatch> {
        ++made_so_far;
        return made_of(plan);
      },
      {3, 64, 4 * kBytes});
  for (std::uint64_t taken = 0; taken < 300; ++taken) {
    ASSERT_TRUE(consumer.next());
    ASSERT_LE(made_so_far.load(), taken + 1 + 5);  // four ready, and the next one
    ASSERT_LE(consumer.ahead.figures().peak_bytes, 5U * kBytes);
  }
}

TEST(LookAhead, OneThatIsLargerThanTheBytesIsStillMade) {
  Consumer consumer([](const Plan& plan) -> Result<Microbatch> { return made_of(plan); },
                    {2, 8, 1});
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_EQ(consumer.next()->plan.number, i);
}

TEST(LookAhead, GoesFurtherAheadForAHastyConsumerUpToItsLimit) {
  Consumer consumer(
      [](const Plan& plan) -> Result<Microbatch> {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return made_of(plan);
      },
      {1, 6, std::size_t{1} << 20U});
  EXPECT_EQ(consumer.ahead.figures().ahead, 2U);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(consumer.next());
  EXPECT_GT(consumer.ahead.figures().late, 0U);
  EXPECT_LE(consumer.ahead.figures().ahead, 6U);
  EXPECT_GT(consumer.ahead.figures().ahead, 2U);
}

TEST(LookAhead, AFailureComesInItsTurnAndAnExceptionIsOne) {
  for (const int workers : {0, 2}) {
    Consumer consumer(
        [](const Plan& plan) -> Result<Microbatch> {
          if (plan.number == 5) throw std::runtime_error("out of luck");
          return made_of(plan);
        },
        {workers, 4, std::size_t{1} << 20U});
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(consumer.next());
    const auto failed = consumer.next();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), Errc::Internal);
    EXPECT_NE(failed.error().message().find("out of luck"), std::string::npos);
  }
}

TEST(LookAhead, EndsWhileItsWorkersAreBusy) {
  std::counting_semaphore<1 << 20> begun{0};
  std::atomic<int> in_the_making{0};
  for (int round = 0; round < 20; ++round) {
    {
      LookAhead ahead(
          [&](const Plan& plan) -> Result<Microbatch> {
            ++in_the_making;
            begun.release();
            std::this_thread::yield();
            --in_the_making;
            return made_of(plan);
          },
          {3, 8, std::size_t{1} << 20U}, [] {});
      for (std::uint64_t i = 0; ahead.wants(); ++i) ahead.add(numbered(i));
      begun.acquire();
    }
    EXPECT_EQ(in_the_making.load(), 0);
  }
}

}  // namespace
}  // namespace desa2va::data
