// What a peer that does not keep the rules can do to us: fail its own edge, by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <zmq.hpp>

#include "common/base/checksum.h"
#include "common/runtime/transport/inbox.h"
#include "common/runtime/transport/ports.h"
#include "common/runtime/transport/zmq/frame.h"
#include "common/runtime/transport/zmq/zmq_network.h"

namespace desa2va::transport {
namespace {

using ::testing::HasSubstr;

constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kDecoupler{Role::Decoupler, 0};
constexpr Edge kEdge{kMllm, kDecoupler};
constexpr EdgeOptions kOptions{10000, 10000};

class HostilePeer : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::uint16_t port = *find_free_ports(1);
    DirectoryOptions options;
    options.default_kind = LinkKind::Tcp;
    options.port_bases["mllm_to_decoupler"] = port;
    network_ = std::make_unique<ZmqNetwork>(Directory({kEdge}, options));
    inbox_.add(kDecoupler, std::move(*network_->open(kEdge, kMllm, kOptions)));
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect("tcp://127.0.0.1:" + std::to_string(port));
  }
  void TearDown() override {
    inbox_ = Inbox();
    network_.reset();
  }

  void say(const std::vector<Buffer>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto flags = i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
      socket_.send(zmq::message_t(frames[i].data(), frames[i].size()), flags);
    }
  }
  void greet(const std::string& rank = "decoupler-0", std::uint16_t version = kProtocolVersion) {
    say({encode_frame(HelloFrame{version, rank, to_string(kEdge), 1, 10000, 10000})});
  }
  Error failure() {
    while (true) {
      auto next = inbox_.next();
      if (!next) return next.error();
      if (!*next) inbox_.wait(-1);
    }
  }
  static MessageFrame message_frame(const std::vector<Buffer>& payloads) {
    MessageFrame frame;
    frame.envelope.edge_sequence = 1;
    frame.header_checksum = checksum64({});
    for (const Buffer& payload : payloads)
      frame.payloads.push_back({payload.size(), checksum64(payload.bytes())});
    return frame;
  }

  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::pair};
  std::unique_ptr<ZmqNetwork> network_;
  Inbox inbox_;
};

TEST_F(HostilePeer, NoiseIsCorrupt) {
  say({Buffer::copy_of(as_bytes("hello, is this the web server?"))});
  EXPECT_EQ(failure().code(), Errc::Corrupt);
}

TEST_F(HostilePeer, AMessageBeforeHelloIsCorrupt) {
  say({encode_frame(message_frame({})), Buffer()});
  EXPECT_EQ(failure().code(), Errc::Corrupt);
}

TEST_F(HostilePeer, AnotherVersionIsRefusedWithTheRemedy) {
  greet("decoupler-0", kProtocolVersion + 1);
  const Error error = failure();
  EXPECT_EQ(error.code(), Errc::InvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("one build"));
}

TEST_F(HostilePeer, AnotherRankIsRefusedByName) {
  greet("sam2-0");
  EXPECT_THAT(failure().message(), HasSubstr("sam2-0"));
}

TEST_F(HostilePeer, AHeaderOtherThanAnnouncedIsCorrupt) {
  greet();
  say({encode_frame(message_frame({})), Buffer::copy_of(as_bytes("header"))});
  EXPECT_THAT(failure().message(), HasSubstr("header"));
}

TEST_F(HostilePeer, AMissingPayloadIsCorrupt) {
  greet();
  say({encode_frame(message_frame({Buffer::copy_of(as_bytes("payload"))})), Buffer()});
  EXPECT_THAT(failure().message(), HasSubstr("2 frames for 1 payloads"));
}

TEST_F(HostilePeer, ATruncatedPayloadIsCorrupt) {
  greet();
  const Buffer payload = Buffer::copy_of(as_bytes("payload"));
  say({encode_frame(message_frame({payload})), Buffer(), payload.slice(0, 3)});
  EXPECT_THAT(failure().message(), HasSubstr("3 bytes instead of 7"));
}

TEST_F(HostilePeer, WhoOverrunsTheWindowIsCorrupt) {
  greet();
  const Buffer payload = Buffer::allocate(6000);
  for (int i = 0; i < 2; ++i) {
    MessageFrame frame = message_frame({payload});
    frame.envelope.edge_sequence = static_cast<std::uint64_t>(i) + 1;
    say({encode_frame(frame), Buffer(), payload});
  }
  // The first is kept, so its bytes stay occupied.
  auto first = inbox_.next();
  while (first && !*first) {
    inbox_.wait(-1);
    first = inbox_.next();
  }
  ASSERT_TRUE(first) << first.error().message();
  const Error error = failure();
  EXPECT_EQ(error.code(), Errc::Corrupt);
  EXPECT_THAT(error.message(), HasSubstr("overruns the window"));
}

}  // namespace
}  // namespace desa2va::transport
