#include "common/runtime/faults/fault_endpoint.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/checksum.h"

namespace desa2va::faults {
namespace {

using transport::Edge;
using transport::EdgeOptions;
using transport::EdgeStats;
using transport::Endpoint;
using transport::Message;

// The same content; the credit stays with the original.
Message copy_of(const Message& message) {
  Message copy;
  copy.envelope = message.envelope;
  copy.header = message.header;
  copy.payloads = message.payloads;
  copy.header_checksum = message.header_checksum;
  copy.checksums = message.checksums;
  return copy;
}

// Checksums of what it was, and one byte that is not.
Message damaged_copy(const Message& message) {
  Message copy = copy_of(message);
  copy.header_checksum = checksum64(copy.header.bytes());
  copy.checksums.clear();
  for (const Buffer& payload : copy.payloads) copy.checksums.push_back(checksum64(payload.bytes()));
  const auto first = std::find_if(copy.payloads.begin(), copy.payloads.end(),
                                  [](const Buffer& payload) { return !payload.empty(); });
  Buffer& victim = first == copy.payloads.end() ? copy.header : *first;
  if (victim.empty()) return copy;
  victim = Buffer::copy_of(victim.bytes());
  victim.mutable_bytes()[victim.size() / 2] ^= std::byte{1};
  return copy;
}

class FaultEndpoint final : public Endpoint {
 public:
  FaultEndpoint(std::unique_ptr<Endpoint> inner, std::vector<FaultRule> sending,
                std::vector<FaultRule> receiving)
      : inner_(std::move(inner)),
        name_(inner_->describe()),
        sending_(std::move(sending)),
        receiving_(std::move(receiving)) {}

  Result<void> try_send(Message& message) override {
    if (!inner_) return dead();
    if (hits(sending_, Fault::Die, sent_ + 1) != nullptr) {
      inner_.reset();
      return dead();
    }
    if (hits(sending_, Fault::Corrupt, sent_ + 1) == nullptr) {
      DESA2VA_TRY(inner_->try_send(message));
    } else {
      Message damaged = damaged_copy(message);
      DESA2VA_TRY(inner_->try_send(damaged));
      message = Message();
    }
    ++sent_;
    return {};
  }

  Result<std::optional<Message>> try_receive() override {
    if (!inner_) return dead();
    if (!held_) {
      DESA2VA_ASSIGN(held_, take());
      if (!held_) return std::optional<Message>();
      if (const FaultRule* rule = hits(receiving_, Fault::Delay, received_))
        calls_to_wait_ = rule->amount;
    }
    if (calls_to_wait_ > 0) {
      --calls_to_wait_;
      if (waker_) waker_->wake();  // Or nobody would ask again.
      return std::optional<Message>();
    }
    return std::exchange(held_, std::exchange(again_, std::nullopt));
  }

  bool closed() const override { return inner_ && !held_ && inner_->closed(); }
  void close() override {
    if (inner_) inner_->close();
  }
  std::uint64_t free_bytes(bool reply) const override {
    return inner_ ? inner_->free_bytes(reply) : 0;
  }
  std::string describe() const override { return name_; }
  EdgeStats stats() const override { return inner_ ? inner_->stats() : EdgeStats{}; }
  void set_waker(std::shared_ptr<exec::EventFd> waker) override {
    waker_ = waker;
    if (inner_) inner_->set_waker(std::move(waker));
  }

 private:
  static const FaultRule* hits(const std::vector<FaultRule>& rules, Fault fault,
                               std::uint64_t number) {
    for (const FaultRule& rule : rules)
      if (rule.fault == fault && rule.at == number) return &rule;
    return nullptr;
  }
  Error dead() const { return fail(Errc::Unavailable, "{}: died of an injected fault", name_); }

  // The next message that is not lost; its repetition, if there is to be one, waits in again_.
  Result<std::optional<Message>> take() {
    while (true) {
      DESA2VA_ASSIGN(std::optional<Message> message, inner_->try_receive());
      if (!message) return message;
      ++received_;
      if (hits(receiving_, Fault::Lose, received_) != nullptr) continue;
      if (hits(receiving_, Fault::Duplicate, received_) != nullptr) again_ = copy_of(*message);
      return message;
    }
  }

  std::unique_ptr<Endpoint> inner_;
  const std::string name_;
  const std::vector<FaultRule> sending_;
  const std::vector<FaultRule> receiving_;
  std::shared_ptr<exec::EventFd> waker_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::optional<Message> held_;
  std::optional<Message> again_;
  std::uint64_t calls_to_wait_ = 0;
};

}  // namespace

std::unique_ptr<Endpoint> with_faults(std::unique_ptr<Endpoint> inner, Rank self, Rank peer,
                                      const std::vector<FaultRule>& rules) {
  std::vector<FaultRule> sending;
  std::vector<FaultRule> receiving;
  for (const FaultRule& rule : rules) {
    if (rule.applies_to(self, peer)) sending.push_back(rule);
    if (rule.applies_to(peer, self)) receiving.push_back(rule);
  }
  if (sending.empty() && receiving.empty()) return inner;
  return std::make_unique<FaultEndpoint>(std::move(inner), std::move(sending),
                                         std::move(receiving));
}

FaultNetwork::FaultNetwork(transport::Network& inner, std::vector<FaultRule> rules)
    : inner_(inner), rules_(std::move(rules)) {}

Result<std::unique_ptr<Endpoint>> FaultNetwork::open(const Edge& edge, Rank self,
                                                     const EdgeOptions& options) {
  DESA2VA_ASSIGN(std::unique_ptr<Endpoint> endpoint, inner_.open(edge, self, options));
  return with_faults(std::move(endpoint), self, self == edge.from ? edge.to : edge.from, rules_);
}

}  // namespace desa2va::faults
