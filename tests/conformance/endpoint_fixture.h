#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "common/base/random.h"
#include "tests/conformance/endpoint_world.h"

namespace desa2va::transport {

inline constexpr Rank kUpstream{Role::Mllm, 0};
inline constexpr Rank kDownstream{Role::Decoupler, 0};
inline constexpr Edge kEdge{kUpstream, kDownstream};

// One end and what its owner waits on.
struct End {
  std::unique_ptr<Endpoint> endpoint;
  std::shared_ptr<exec::EventFd> waker = std::make_shared<exec::EventFd>();

  Endpoint* operator->() const { return endpoint.get(); }

  // Waits until `ready()`; a test that would wait for ever says so and ends.
  template <class F>
  void until(F&& ready) const {
    constexpr int kHopelessMs = 20'000;
    while (!ready()) {
      if (!waker->wait(kHopelessMs)) {
        FAIL() << endpoint->describe() << ": nothing happened";
      }
    }
  }
  // What comes next: a message, a failure, or nothing because the peer said goodbye.
  Result<std::optional<Message>> receive() const {
    Result<std::optional<Message>> got = std::optional<Message>();
    until([&] {
      got = endpoint->try_receive();
      return !got || got->has_value() || endpoint->closed();
    });
    return got;
  }
  Result<void> send(Message&& message) const {
    Result<void> sent;
    until([&] {
      sent = endpoint->try_send(message);
      return sent || sent.error().code() != Errc::Overloaded;
    });
    return sent;
  }
};

inline Buffer random_bytes(std::size_t size, std::uint32_t seed) {
  Buffer bytes = Buffer::allocate(size);
  const Random random(seed, "test", "payload");
  for (std::size_t i = 0; i < size; ++i)
    bytes.mutable_bytes()[i] = static_cast<std::byte>(random.word(i));
  return bytes;
}

inline Message message_of(std::uint64_t number, std::vector<std::size_t> payload_sizes = {},
                          std::size_t header_size = 16) {
  Message message;
  message.envelope.microbatch = number;
  message.header = random_bytes(header_size, static_cast<std::uint32_t>(number));
  for (const std::size_t size : payload_sizes)
    message.payloads.push_back(random_bytes(size, static_cast<std::uint32_t>(number + size)));
  return message;
}

inline void expect_same(const Message& a, const Message& b) {
  EXPECT_EQ(as_text(a.header.bytes()), as_text(b.header.bytes()));
  ASSERT_EQ(a.payloads.size(), b.payloads.size());
  for (std::size_t i = 0; i < a.payloads.size(); ++i)
    EXPECT_TRUE(as_text(a.payloads[i].bytes()) == as_text(b.payloads[i].bytes()))
        << "payload " << i;
}

class EndpointSuite : public ::testing::TestWithParam<WorldMaker> {
 protected:
  void SetUp() override { world_ = GetParam().make(kEdge); }
  void TearDown() override {
    up_.endpoint.reset();
    down_.endpoint.reset();
    world_.reset();
  }
  void open_up(const EdgeOptions& options) {
    up_.endpoint = world_->open(kEdge, kUpstream, options);
    up_.endpoint->set_waker(up_.waker);
  }
  void open_down(const EdgeOptions& options) {
    down_.endpoint = world_->open(kEdge, kDownstream, options);
    down_.endpoint->set_waker(down_.waker);
  }
  // Both ends, and both know what the other allows.
  void join(const EdgeOptions& options = {}) {
    open_up(options);
    open_down(options);
    up_.until([&] { return up_->free_bytes(false) > 0; });
    down_.until([&] { return down_->free_bytes(false) > 0; });
  }

  std::unique_ptr<EndpointWorld> world_;
  End up_;
  End down_;
};

}  // namespace desa2va::transport
