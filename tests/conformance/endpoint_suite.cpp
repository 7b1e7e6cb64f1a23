// What every transport must do, whatever carries the bytes.
#include <thread>

#include "common/base/checksum.h"
#include "tests/conformance/endpoint_fixture.h"

namespace desa2va::transport {
namespace {

TEST_P(EndpointSuite, NothingIsThereAtFirst) {
  join();
  EXPECT_FALSE(up_->try_receive()->has_value());
  EXPECT_FALSE(up_->closed());
}

TEST_P(EndpointSuite, MessagesArriveWholeAndInTheOrderSent) {
  join();
  const Random random(1, "test", "sizes");
  for (std::uint64_t n = 0; n < 200; ++n) {
    const std::vector<std::size_t> sizes = {random.below(2 * n, 5000),
                                            random.below(2 * n + 1, 70000)};
    ASSERT_TRUE(up_.send(message_of(n, sizes)));
    auto got = down_.receive();
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->envelope.microbatch, n);
    EXPECT_EQ((*got)->envelope.edge_sequence, n + 1);
    expect_same(**got, message_of(n, sizes));
  }
}

TEST_P(EndpointSuite, TheEnvelopeArrivesFieldByField) {
  join();
  Message message;
  message.envelope = {65535, true, Phase::C, ~std::uint64_t{0}, ~std::uint32_t{0}, 12, 13, 99, 15};
  ASSERT_TRUE(up_.send(std::move(message)));
  const auto got = down_.receive();
  ASSERT_TRUE(got && *got);
  const Envelope& envelope = (*got)->envelope;
  EXPECT_EQ(envelope.kind, 65535);
  EXPECT_TRUE(envelope.reply);
  EXPECT_EQ(envelope.phase, Phase::C);
  EXPECT_EQ(envelope.run_id, ~std::uint64_t{0});
  EXPECT_EQ(envelope.generation, ~std::uint32_t{0});
  EXPECT_EQ(envelope.step, 12U);
  EXPECT_EQ(envelope.microbatch, 13U);
  EXPECT_EQ(envelope.edge_sequence, 1U) << "numbered by the endpoint, whatever was in it";
  EXPECT_EQ(envelope.trace_id, 15U);
}

TEST_P(EndpointSuite, ManyPayloadsArriveAlignedTo64Bytes) {
  join();
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 300; ++i) sizes.push_back(i * 7 % 1000 + 1);
  ASSERT_TRUE(up_.send(message_of(4, sizes)));
  const auto got = down_.receive();
  ASSERT_TRUE(got && *got);
  expect_same(**got, message_of(4, sizes));
  for (const Buffer& payload : (*got)->payloads)
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(payload.data()) % 64, 0U);
}

TEST_P(EndpointSuite, EmptyHeadersAndPayloadsArrive) {
  join();
  ASSERT_TRUE(up_.send(message_of(1, {}, 0)));
  ASSERT_TRUE(up_.send(message_of(2, {0, 3, 0}, 0)));
  auto got = down_.receive();
  ASSERT_TRUE(got && *got);
  EXPECT_TRUE((*got)->header.empty());
  EXPECT_TRUE((*got)->payloads.empty());
  got = down_.receive();
  ASSERT_TRUE(got && *got);
  ASSERT_EQ((*got)->payloads.size(), 3U);
  EXPECT_TRUE((*got)->payloads[0].empty());
  EXPECT_EQ((*got)->payloads[1].size(), 3U);
}

TEST_P(EndpointSuite, AMessageOfManyMegabytesArrives) {
  join();
  ASSERT_TRUE(up_.send(message_of(9, {std::size_t{12} << 20U})));
  const auto got = down_.receive();
  ASSERT_TRUE(got && *got);
  expect_same(**got, message_of(9, {std::size_t{12} << 20U}));
}

TEST_P(EndpointSuite, EitherEndMayBeOpenedFirst) {
  open_down({});
  EXPECT_EQ(down_->free_bytes(false),
            GetParam().name == "loopback" ? EdgeOptions{}.budget_bytes : 0);
  open_up({});
  ASSERT_TRUE(up_.send(message_of(1)));
  ASSERT_TRUE(down_.send(message_of(2)));
  EXPECT_EQ((*down_.receive())->envelope.microbatch, 1U);
  EXPECT_EQ((*up_.receive())->envelope.microbatch, 2U);
}

TEST_P(EndpointSuite, AFullWindowRefusesAndLeavesTheMessageUntouched) {
  join({10000, 10000});
  ASSERT_TRUE(up_.send(message_of(1, {6000})));
  Message second = message_of(2, {6000});
  const auto refused = up_->try_send(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::Overloaded);
  expect_same(second, message_of(2, {6000}));
  EXPECT_TRUE(up_->stats().waiting_for_credit);
  {
    const auto got = down_.receive();
    ASSERT_TRUE(got && *got);
    // Received but not released: the bytes still count.
    EXPECT_EQ(up_->try_send(second).error().code(), Errc::Overloaded);
  }
  ASSERT_TRUE(up_.send(std::move(second)));
  EXPECT_EQ((*down_.receive())->envelope.microbatch, 2U);
  EXPECT_LE(up_->stats().peak_in_flight_bytes, 10000U);
}

TEST_P(EndpointSuite, CreditMayBeGivenBackOnAnotherThread) {
  join({10000, 10000});
  for (std::uint64_t n = 0; n < 20; ++n) {
    ASSERT_TRUE(up_.send(message_of(n, {9000})));
    auto got = down_.receive();
    ASSERT_TRUE(got && *got);
    std::jthread([message = std::move(**got)]() mutable { message.credit.release(); });
  }
}

TEST_P(EndpointSuite, AMessageLargerThanTheWindowIsRefusedByItsKeyAndTheEdgeGoesOn) {
  join({10000, 10000});
  Message large = message_of(1, {20000});
  const auto refused = up_->try_send(large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::InvalidArgument);
  EXPECT_NE(refused.error().message().find("transport.mllm_to_decoupler.budget_bytes"),
            std::string::npos);
  EXPECT_NE(refused.error().message().find("mllm-0->decoupler-0"), std::string::npos);
  EXPECT_EQ(large.payloads.size(), 1U);
  ASSERT_TRUE(up_.send(message_of(2, {5000})));
  EXPECT_EQ((*down_.receive())->envelope.microbatch, 2U);
}

TEST_P(EndpointSuite, RepliesPassAFullWindow) {
  join({10000, 10000});
  ASSERT_TRUE(up_.send(message_of(1, {9000})));
  Message reply = message_of(2, {9000});
  EXPECT_EQ(up_->try_send(reply).error().code(), Errc::Overloaded);
  reply.envelope.reply = true;
  EXPECT_TRUE(up_->try_send(reply));
  auto first = down_.receive();
  auto second = down_.receive();
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_TRUE((*second)->envelope.reply);
}

TEST_P(EndpointSuite, EachDirectionHasItsOwnWindow) {
  join({10000, 10000});
  ASSERT_TRUE(up_.send(message_of(1, {9000})));
  ASSERT_TRUE(down_.send(message_of(2, {9000})));
  EXPECT_EQ((*down_.receive())->envelope.microbatch, 1U);
  EXPECT_EQ((*up_.receive())->envelope.microbatch, 2U);
}

TEST_P(EndpointSuite, AGoodEndComesAfterEverythingSentBefore) {
  join();
  for (std::uint64_t n = 0; n < 50; ++n) ASSERT_TRUE(up_.send(message_of(n, {10000})));
  up_->close();
  Message late = message_of(99);
  EXPECT_EQ(up_->try_send(late).error().code(), Errc::Unavailable);
  for (std::uint64_t n = 0; n < 50; ++n) {
    EXPECT_FALSE(down_->closed());
    const auto got = down_.receive();
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->envelope.microbatch, n);
  }
  const auto end = down_.receive();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->has_value());
  EXPECT_TRUE(down_->closed());
  EXPECT_EQ(down_->try_send(late).error().code(), Errc::Unavailable);
}

TEST_P(EndpointSuite, AnEndThatClosedStillReceives) {
  join();
  up_->close();
  ASSERT_TRUE(down_->try_receive());
  down_.until([&] { return down_->closed(); });
  down_->close();
  up_.until([&] { return up_->closed(); });
}

TEST_P(EndpointSuite, AGoodEndStaysGoodWhenTheEndpointIsGone) {
  join();
  ASSERT_TRUE(up_.send(message_of(1, {100000})));
  up_->close();
  up_.endpoint.reset();
  const auto got = down_.receive();
  ASSERT_TRUE(got && *got) << got.error().message();
  expect_same(**got, message_of(1, {100000}));
  const auto end = down_.receive();
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_TRUE(down_->closed());
}

TEST_P(EndpointSuite, AVanishedPeerIsNamedAndStaysVanished) {
  join();
  ASSERT_TRUE(up_.send(message_of(1)));
  auto got = down_.receive();
  ASSERT_TRUE(got && *got);
  up_.endpoint.reset();
  for (int i = 0; i < 2; ++i) {
    got = down_.receive();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::Unavailable);
    EXPECT_NE(got.error().message().find("mllm-0 vanished"), std::string::npos)
        << got.error().message();
    EXPECT_FALSE(down_->closed());
  }
  Message message = message_of(2);
  EXPECT_EQ(down_->try_send(message).error().code(), Errc::Unavailable);
}

TEST_P(EndpointSuite, ThePeerThatConnectsMayVanishToo) {
  join();
  down_.endpoint.reset();
  const auto got = up_.receive();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::Unavailable);
  EXPECT_NE(got.error().message().find("decoupler-0 vanished"), std::string::npos);
}

TEST_P(EndpointSuite, AFlippedBitIsCorruptFromThenOn) {
  join();
  Message message = message_of(1, {100, 5000});
  for (const Buffer& payload : message.payloads)
    message.checksums.push_back(checksum64(payload.bytes()));
  message.payloads[1].mutable_bytes()[4321] ^= std::byte{4};
  ASSERT_TRUE(up_.send(std::move(message)));
  for (int i = 0; i < 2; ++i) {
    const auto got = down_.receive();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::Corrupt);
    EXPECT_NE(got.error().message().find("payload 1 of 2"), std::string::npos)
        << got.error().message();
  }
  Message next = message_of(2);
  EXPECT_EQ(down_->try_send(next).error().code(), Errc::Corrupt);
}

TEST_P(EndpointSuite, AReceivedMessageMayBeSentOnOverTheSameEdge) {
  join({10000, 10000});
  for (std::uint64_t n = 0; n < 10; ++n) {
    ASSERT_TRUE(up_.send(message_of(n, {7000})));
    auto got = down_.receive();
    ASSERT_TRUE(got && *got);
    ASSERT_TRUE(down_.send(std::move(**got)));
    got = up_.receive();
    ASSERT_TRUE(got && *got);
    expect_same(**got, message_of(n, {7000}));
  }
}

TEST_P(EndpointSuite, TwoThreadsFloodEachOtherWithinTheBudget) {
  const EdgeOptions options{50000, 50000};
  join(options);
  constexpr std::uint64_t kCount = 500;
  const auto flood = [&](End& end) {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    Message message = message_of(0, {3000});
    end.until([&] {
      while (sent < kCount && end->try_send(message)) message = message_of(++sent, {3000});
      while (true) {
        const auto got = end->try_receive();
        if (!got || !*got) return sent == kCount && received == kCount;
        EXPECT_EQ((*got)->envelope.microbatch, received);
        ++received;
      }
    });
    EXPECT_EQ(received, kCount);
    EXPECT_LE(end->stats().peak_in_flight_bytes, options.budget_bytes);
    end->close();
    end.until([&] {
      (void)end->try_receive();
      return end->closed();
    });
  };
  // The ends belong to this thread until now: they were not used for messages yet.
  std::jthread other([&] { flood(up_); });
  flood(down_);
}

}  // namespace
}  // namespace desa2va::transport
