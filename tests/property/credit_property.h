#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "common/base/random.h"
#include "tests/conformance/endpoint_fixture.h"

namespace desa2va::transport {

// Histories of a writer of random sizes and a reader ten times slower that keeps some messages for
// a while. Whatever the sizes, what was sent and not yet released, by the writer's account and by
// ours, stays within the budget, and everything arrives in order.
class CreditProperty : public EndpointSuite {
 protected:
  void run_history(std::uint32_t seed) {
    const Random random(seed, "test", "credit");
    const EdgeOptions options{20000 + random.below(0, 200000), 20000};
    join(options);
    sent_ = received_ = in_flight_ = 0;
    Message message = next_message(random, options, 0);
    for (std::uint64_t turn = 0; received_ < kCount; ++turn) {
      for (int go = 0; go < 10 && sent_ < kCount; ++go) {
        const std::uint64_t bytes = charged_bytes(message);
        const auto accepted = up_->try_send(message);
        if (!accepted) {
          ASSERT_EQ(accepted.error().code(), Errc::Overloaded) << accepted.error().message();
          break;
        }
        in_flight_ += bytes;
        ASSERT_LE(in_flight_, options.budget_bytes) << "seed " << seed << ", message " << sent_;
        message = next_message(random, options, ++sent_);
      }
      ASSERT_NO_FATAL_FAILURE(read_one(random.below(1000 + turn, 4)));
    }
    while (!kept_.empty()) release_oldest();
    EXPECT_EQ(in_flight_, 0U);
    EXPECT_LE(up_->stats().peak_in_flight_bytes, options.budget_bytes) << "seed " << seed;
    EXPECT_GT(up_->stats().overloaded, 0U) << "the budget never bound: this showed nothing";
    up_.until([&] { return up_->stats().in_flight_bytes == 0; });
  }

 private:
  static constexpr std::uint64_t kCount = 300;

  // Up to the whole window, small ones more often.
  static Message next_message(const Random& random, const EdgeOptions& options,
                              std::uint64_t number) {
    const std::uint64_t largest = options.budget_bytes - kMessageCharge - kPayloadCharge;
    const double fraction = random.uniform(10 + number);
    Message message;
    message.envelope.microbatch = number;
    message.payloads = {
        random_bytes(static_cast<std::size_t>(fraction * fraction * static_cast<double>(largest)),
                     static_cast<std::uint32_t>(number))};
    return message;
  }

  // Reads one message if there is one and then keeps at most `keep`; waits if there was nothing.
  void read_one(std::size_t keep) {
    auto got = down_->try_receive();
    ASSERT_TRUE(got) << got.error().message();
    if (*got) {
      ASSERT_EQ((*got)->envelope.microbatch, received_);
      ++received_;
      kept_.push_back(std::move(**got));
      while (kept_.size() > keep) release_oldest();
    } else if (!kept_.empty()) {
      release_oldest();
    } else {
      down_.waker->wait(1);
    }
  }
  void release_oldest() {
    in_flight_ -= charged_bytes(kept_.front());
    kept_.pop_front();
  }

  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t in_flight_ = 0;
  std::deque<Message> kept_;
};

TEST_P(CreditProperty, BytesInFlightNeverExceedTheBudget) {
  for (std::uint32_t seed = 0; seed < 5; ++seed) {
    ASSERT_NO_FATAL_FAILURE(run_history(seed));
    TearDown();
    SetUp();
  }
}

}  // namespace desa2va::transport
