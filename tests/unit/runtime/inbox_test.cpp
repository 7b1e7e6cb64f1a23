#include <gtest/gtest.h>

#include "common/runtime/exec/thread.h"
#include "common/runtime/transport/inbox.h"
#include "common/runtime/transport/loopback/loopback.h"

namespace desa2va::transport {
namespace {

constexpr Rank kSam2{Role::Sam2, 0};

Message numbered(std::uint64_t number) {
  Message message;
  message.envelope.microbatch = number;
  return message;
}

struct Joined {
  explicit Joined(int peers, const EdgeOptions& options = {}) {
    for (int i = 0; i < peers; ++i) {
      auto [theirs, ours] = loopback_pair({{Role::Data, i}, kSam2}, options);
      far.push_back(std::move(theirs));
      inbox.add({Role::Data, i}, std::move(ours));
    }
  }
  void send(int from, std::uint64_t number) {
    Message message = numbered(number);
    const auto sent = far[from]->try_send(message);
    EXPECT_TRUE(sent) << sent.error().message();
  }
  // "source:microbatch" of everything that is there.
  std::vector<std::string> drain() {
    std::vector<std::string> got;
    while (true) {
      auto next = inbox.next();
      EXPECT_TRUE(next);
      if (!next || !*next) return got;
      got.push_back(fmt::format("{}:{}", (*next)->source, (*next)->message.envelope.microbatch));
    }
  }
  std::vector<std::unique_ptr<Endpoint>> far;
  Inbox inbox;
};

TEST(Inbox, IsEmptyWhenNothingCame) {
  Joined joined(2);
  EXPECT_TRUE(joined.drain().empty());
  EXPECT_TRUE(Inbox().all_closed());
}

TEST(Inbox, TakesTheEdgesInTurn) {
  Joined joined(3);
  for (std::uint64_t n = 0; n < 3; ++n) joined.send(0, n);
  joined.send(2, 7);
  EXPECT_EQ(joined.drain(), (std::vector<std::string>{"0:0", "2:7", "0:1", "0:2"}));
}

TEST(Inbox, AMessageEndsTheWait) {
  Joined joined(1);
  EXPECT_FALSE(joined.inbox.wait(0));
  joined.send(0, 1);
  EXPECT_TRUE(joined.inbox.wait(-1));
  EXPECT_EQ(joined.drain().size(), 1U);
  EXPECT_FALSE(joined.inbox.wait(0));
}

TEST(Inbox, AnotherThreadEndsTheWait) {
  Joined joined(1);
  const auto waker =
      exec::start_thread("waker", [&](const std::stop_token&) { joined.inbox.wake(); });
  EXPECT_TRUE(joined.inbox.wait(-1));
}

TEST(Inbox, ReturnedCreditEndsTheWaitForIt) {
  Joined joined(1, {1000, 1000});
  Message big = numbered(1);
  big.header = Buffer::allocate(600);
  ASSERT_TRUE(joined.inbox.endpoint(0).try_send(big));
  Message next = numbered(2);
  next.header = Buffer::allocate(600);
  ASSERT_EQ(joined.inbox.endpoint(0).try_send(next).error().code(), Errc::Overloaded);
  EXPECT_TRUE(joined.inbox.waiting_for_credit());
  EXPECT_EQ(next.header.size(), 600U);
  { auto received = joined.far[0]->try_receive(); }
  EXPECT_TRUE(joined.inbox.wait(-1));
  EXPECT_TRUE(joined.inbox.endpoint(0).try_send(next));
  EXPECT_FALSE(joined.inbox.waiting_for_credit());
}

TEST(Inbox, AVanishedPeerIsNamedAfterWhatItSent) {
  Joined joined(2);
  joined.send(0, 5);
  joined.far[0].reset();
  auto first = joined.inbox.next();
  ASSERT_TRUE(first && *first);
  const auto second = joined.inbox.next();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::Unavailable);
  EXPECT_NE(second.error().message().find("data-0"), std::string::npos);
  joined.send(1, 6);
  auto third = joined.inbox.next();
  EXPECT_TRUE(third && *third) << "the other edge goes on";
  EXPECT_FALSE(joined.inbox.next());
}

TEST(Inbox, KnowsWhenEveryEdgeEndedWell) {
  Joined joined(2);
  joined.far[0]->close();
  EXPECT_FALSE(joined.inbox.all_closed());
  joined.far[1]->close();
  EXPECT_TRUE(joined.inbox.all_closed());
  EXPECT_TRUE(joined.drain().empty());
}

// Repeats or swallows one message, as a broken transport would.
class Stutter final : public Endpoint {
 public:
  Stutter(std::vector<std::uint64_t> sequence) : sequence_(std::move(sequence)) {}
  Result<void> try_send(Message&) override { return {}; }
  Result<std::optional<Message>> try_receive() override {
    if (next_ == sequence_.size()) return std::optional<Message>();
    Message message;
    message.envelope.edge_sequence = sequence_[next_++];
    return std::optional<Message>(std::move(message));
  }
  bool closed() const override { return false; }
  void close() override {}
  std::uint64_t free_bytes(bool) const override { return 0; }
  std::string describe() const override { return "data-0->sam2-0 stutter"; }
  EdgeStats stats() const override { return {}; }
  void set_waker(std::shared_ptr<exec::EventFd>) override {}

 private:
  std::vector<std::uint64_t> sequence_;
  std::size_t next_ = 0;
};

TEST(Inbox, AGapOrARepetitionIsCorruptFromThenOn) {
  for (const std::uint64_t second : {1U, 3U}) {
    Inbox inbox;
    inbox.add({Role::Data, 0},
              std::make_unique<Stutter>(std::vector<std::uint64_t>{1, second, second + 1}));
    ASSERT_TRUE(inbox.next());
    EXPECT_EQ(inbox.next().error().code(), Errc::Corrupt);
    EXPECT_EQ(inbox.next().error().code(), Errc::Corrupt);
  }
}

}  // namespace
}  // namespace desa2va::transport
