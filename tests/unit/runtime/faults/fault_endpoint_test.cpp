#include "common/runtime/faults/fault_endpoint.h"

#include <gtest/gtest.h>

#include "common/runtime/transport/inbox.h"
#include "common/runtime/transport/loopback/loopback.h"

namespace desa2va::faults {
namespace {

using transport::Message;

constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kDecoupler{Role::Decoupler, 0};
constexpr transport::Edge kEdge{kMllm, kDecoupler};

// mllm sends `count` messages; what the decoupler's inbox makes of them, ended by the failure.
struct Outcome {
  std::vector<std::uint64_t> got;
  std::optional<Error> sender;
  std::optional<Error> receiver;
};

Outcome run(const std::string& rule, int count = 4, bool payload = true) {
  transport::LoopbackNetwork loopback;
  FaultNetwork network(loopback, {*FaultRule::parse(rule)});
  const auto mllm = std::move(*network.open(kEdge, kMllm, {}));
  transport::Inbox inbox;
  inbox.add(kMllm, std::move(*network.open(kEdge, kDecoupler, {})));
  Outcome outcome;
  for (int i = 1; i <= count; ++i) {
    Message message;
    message.envelope.microbatch = static_cast<std::uint64_t>(i);
    message.header = Buffer::copy_of(as_bytes("eight b."));
    if (payload) message.payloads = {Buffer::copy_of(as_bytes("some bytes"))};
    if (const auto sent = mllm->try_send(message); !sent) {
      outcome.sender = sent.error();
      break;
    }
  }
  while (true) {
    auto next = inbox.next();
    if (!next) {
      outcome.receiver = next.error();
      return outcome;
    }
    if (*next) {
      outcome.got.push_back((*next)->message.envelope.microbatch);
    } else if (!inbox.wait(0)) {
      return outcome;
    }
  }
}

using Numbers = std::vector<std::uint64_t>;

TEST(Faults, AnEdgeThatNoRuleNamesIsLeftAlone) {
  const Outcome outcome = run("decoupler->mllm:lose@1");
  EXPECT_EQ(outcome.got, (Numbers{1, 2, 3, 4}));
  EXPECT_FALSE(outcome.receiver);
}

TEST(Faults, ADamagedPayloadIsFoundByTheTransport) {
  const Outcome outcome = run("mllm->decoupler:corrupt@3");
  EXPECT_EQ(outcome.got, (Numbers{1, 2}));
  ASSERT_TRUE(outcome.receiver);
  EXPECT_EQ(outcome.receiver->code(), Errc::Corrupt);
  EXPECT_NE(outcome.receiver->message().find("message 3: payload 0"), std::string::npos)
      << outcome.receiver->message();
}

TEST(Faults, ADamagedHeaderIsFoundWhereThereIsNoPayload) {
  const Outcome outcome = run("mllm-0->decoupler-0:corrupt@1", 1, false);
  ASSERT_TRUE(outcome.receiver);
  EXPECT_NE(outcome.receiver->message().find("header"), std::string::npos);
}

TEST(Faults, ALostMessageShowsAsAGap) {
  const Outcome outcome = run("mllm->decoupler:lose@2");
  EXPECT_EQ(outcome.got, (Numbers{1}));
  ASSERT_TRUE(outcome.receiver);
  EXPECT_EQ(outcome.receiver->code(), Errc::Corrupt);
}

TEST(Faults, ADuplicateShowsAsARepetition) {
  const Outcome outcome = run("mllm->decoupler:duplicate@2");
  EXPECT_EQ(outcome.got, (Numbers{1, 2}));
  ASSERT_TRUE(outcome.receiver);
  EXPECT_EQ(outcome.receiver->code(), Errc::Corrupt);
  EXPECT_NE(outcome.receiver->message().find("again"), std::string::npos);
}

TEST(Faults, ADelayKeepsTheOrderAndLosesNothing) {
  const Outcome outcome = run("mllm->decoupler:delay@2x5");
  EXPECT_EQ(outcome.got, (Numbers{1, 2, 3, 4}));
  EXPECT_FALSE(outcome.receiver);
}

TEST(Faults, ADeathLooksLikeOneToBothEnds) {
  const Outcome outcome = run("mllm->decoupler:die@3");
  EXPECT_EQ(outcome.got, (Numbers{1, 2}));
  ASSERT_TRUE(outcome.sender && outcome.receiver);
  EXPECT_EQ(outcome.sender->code(), Errc::Unavailable);
  EXPECT_EQ(outcome.receiver->code(), Errc::Unavailable);
}

TEST(FaultRule, NamesRanksOrWholeRoles) {
  const FaultRule rule = *FaultRule::parse("sam2-1->decoupler:delay@2x4");
  EXPECT_EQ(rule.at, 2U);
  EXPECT_EQ(rule.amount, 4U);
  EXPECT_TRUE(rule.applies_to({Role::Sam2, 1}, {Role::Decoupler, 3}));
  EXPECT_FALSE(rule.applies_to({Role::Sam2, 0}, {Role::Decoupler, 3}));
  EXPECT_FALSE(rule.applies_to({Role::Decoupler, 3}, {Role::Sam2, 1}));
}

TEST(FaultRule, WhatIsNotUnderstoodIsRefusedWithTheForm) {
  for (const char* text :
       {"", "mllm", "mllm->decoupler", "mllm->decoupler:lose", "x->mllm:lose@1",
        "mllm->decoupler:explode@1", "mllm->decoupler:lose@0", "mllm->decoupler:lose@x",
        "mllm->decoupler:delay@1x0", "mllm-->decoupler:lose@1", "mllm:1->decoupler@lose"}) {
    const auto rule = FaultRule::parse(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().exit_code(), 2);
  }
}

}  // namespace
}  // namespace desa2va::faults
