// A peer that is killed with 9, over real sockets: what it sent before arrives, then its death.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "common/runtime/transport/inbox.h"
#include "common/runtime/transport/ports.h"
#include "common/runtime/transport/zmq/zmq_network.h"

namespace desa2va::transport {
namespace {

constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kDecoupler{Role::Decoupler, 0};
constexpr Edge kEdge{kMllm, kDecoupler};
constexpr std::uint64_t kMessages = 20;

struct Address {
  std::string socket_dir;
  LinkKind kind = LinkKind::Ipc;
  std::uint16_t port = 0;

  Directory directory() const {
    DirectoryOptions options;
    options.socket_dir = socket_dir;
    options.default_kind = kind;
    options.port_bases["mllm_to_decoupler"] = port;
    return Directory({kEdge}, options);
  }
};

// Sends the messages and then waits to be killed.
[[noreturn]] void be_the_peer(const Address& address, Rank self) {
  ZmqNetwork network(address.directory());
  Inbox inbox;
  inbox.add(kMllm, std::move(*network.open(kEdge, self, {})));
  for (std::uint64_t n = 1; n <= kMessages; ++n) {
    Message message;
    message.envelope.microbatch = n;
    message.payloads = {Buffer::allocate(100'000)};
    while (!inbox.endpoint(0).try_send(message)) inbox.wait(-1);
  }
  while (true) pause();
}

class PeerDeath : public ::testing::TestWithParam<std::tuple<LinkKind, Rank>> {
 protected:
  void SetUp() override {
    address_ = {*make_socket_dir(""), std::get<0>(GetParam()), *find_free_ports(1)};
  }
  void TearDown() override { std::filesystem::remove_all(address_.socket_dir); }
  Address address_;
};

TEST_P(PeerDeath, ShowsAfterEverythingItSent) {
  const Rank peer = std::get<1>(GetParam());
  const Rank self = peer == kMllm ? kDecoupler : kMllm;
  const pid_t child = fork();  // Before this process has threads.
  if (child == 0) be_the_peer(address_, peer);
  ZmqNetwork network(address_.directory());
  Inbox inbox;
  inbox.add(peer, std::move(*network.open(kEdge, self, {})));
  std::uint64_t received = 0;
  while (true) {
    const auto next = inbox.next();
    if (!next) {
      EXPECT_EQ(next.error().code(), Errc::Unavailable);
      EXPECT_THAT(next.error().message(), ::testing::HasSubstr(to_string(peer) + " vanished"));
      break;
    }
    if (!*next) {
      inbox.wait(-1);
      continue;
    }
    EXPECT_EQ((*next)->message.envelope.microbatch, ++received);
    if (received == kMessages) kill(child, SIGKILL);
  }
  EXPECT_EQ(received, kMessages);
  waitpid(child, nullptr, 0);
}

INSTANTIATE_TEST_SUITE_P(Zmq, PeerDeath,
                         ::testing::Combine(::testing::Values(LinkKind::Ipc, LinkKind::Tcp),
                                            ::testing::Values(kMllm, kDecoupler)));

}  // namespace
}  // namespace desa2va::transport
