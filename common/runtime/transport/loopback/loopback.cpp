#include "common/runtime/transport/loopback/loopback.h"

#include <array>
#include <deque>
#include <mutex>

#include "common/base/checksum.h"
#include "common/runtime/exec/thread.h"
#include "common/runtime/transport/window.h"

namespace desa2va::transport {
namespace {

enum class EndState : std::uint8_t { Open, SaidGoodbye, Vanished };

// What one end sends and the other receives.
struct Direction {
  explicit Direction(const EdgeOptions& options) : windows(options) {
    windows.grant(options.budget_bytes, options.reply_budget_bytes);
  }
  Windows windows;
  std::deque<Message> queue;
  std::uint64_t sent_messages = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_messages = 0;
  std::uint64_t received_bytes = 0;
  EndState sender = EndState::Open;
  std::shared_ptr<exec::EventFd> sender_waker;
  std::shared_ptr<exec::EventFd> receiver_waker;
};

// What disagrees with the checksums that the message brought, if it brought any.
std::optional<std::string> find_damage(const Message& message) {
  if (message.header_checksum && checksum64(message.header.bytes()) != *message.header_checksum)
    return "header";
  for (std::size_t i = 0; i < message.checksums.size(); ++i) {
    if (checksum64(message.payloads[i].bytes()) != message.checksums[i])
      return fmt::format("payload {} of {}", i, message.payloads.size());
  }
  return std::nullopt;
}

// Both directions of an edge: 0 is from->to. Everything but `edge` is under the mutex.
struct LoopbackCore {
  LoopbackCore(const Edge& e, const EdgeOptions& options)
      : edge(e), directions{Direction(options), Direction(options)} {}
  const Edge edge;
  std::mutex mutex;
  std::array<Direction, 2> directions;
};

class LoopbackCredit final : public CreditSink {
 public:
  LoopbackCredit(std::shared_ptr<LoopbackCore> core, int direction)
      : core_(std::move(core)), direction_(direction) {}

  void give_back(std::uint64_t bytes, bool reply) noexcept override {
    std::shared_ptr<exec::EventFd> waker;
    {
      const std::lock_guard lock(core_->mutex);
      core_->directions[direction_].windows.give_back(bytes, reply);
      waker = core_->directions[direction_].sender_waker;
    }
    if (waker) waker->wake();
  }

 private:
  const std::shared_ptr<LoopbackCore> core_;
  const int direction_;
};

class LoopbackEndpoint final : public Endpoint {
 public:
  LoopbackEndpoint(std::shared_ptr<LoopbackCore> core, int outgoing)
      : core_(std::move(core)),
        outgoing_(outgoing),
        credit_(std::make_shared<LoopbackCredit>(core_, 1 - outgoing)) {}

  ~LoopbackEndpoint() override {
    const std::lock_guard lock(core_->mutex);
    leave(EndState::Vanished);
    // What nobody will read any more holds buffers of the sender.
    in().queue.clear();
    out().sender_waker.reset();
    in().receiver_waker.reset();
  }

  Result<void> try_send(Message& message) override {
    thread_.assert_here();
    if (failure_) return Error(*failure_);
    const std::uint64_t bytes = charged_bytes(message);
    Credit forwarded;  // Released after the lock: it may be this very edge's.
    const std::lock_guard lock(core_->mutex);
    if (out().sender != EndState::Open)
      return fail(Errc::Unavailable, "{}: closed at this end", describe());
    if (in().sender == EndState::Vanished) return vanished();
    if (in().sender == EndState::SaidGoodbye)
      return fail(Errc::Unavailable, "{}: {} said goodbye", describe(), peer());
    DESA2VA_TRY(out().windows.take(bytes, message.envelope.reply, core_->edge));
    forwarded = std::move(message.credit);
    message.envelope.edge_sequence = ++out().sent_messages;
    out().sent_bytes += bytes;
    out().queue.push_back(std::move(message));
    if (out().receiver_waker) out().receiver_waker->wake();
    return {};
  }

  Result<std::optional<Message>> try_receive() override {
    thread_.assert_here();
    if (failure_) return Error(*failure_);
    const std::lock_guard lock(core_->mutex);
    if (in().queue.empty()) {
      if (in().sender == EndState::Vanished) return vanished();
      return std::optional<Message>();
    }
    Message message = std::move(in().queue.front());
    in().queue.pop_front();
    const std::uint64_t bytes = charged_bytes(message);
    ++in().received_messages;
    in().received_bytes += bytes;
    if (auto damage = find_damage(message)) {
      failure_ = fail(Errc::Corrupt, "{}: message {}: {}: checksum differs", describe(),
                      message.envelope.edge_sequence, *damage);
      return Error(*failure_);
    }
    message.credit = Credit(credit_, bytes, message.envelope.reply);
    return std::optional<Message>(std::move(message));
  }

  bool closed() const override {
    const std::lock_guard lock(core_->mutex);
    return in().sender == EndState::SaidGoodbye && in().queue.empty();
  }

  void close() override {
    thread_.assert_here();
    const std::lock_guard lock(core_->mutex);
    leave(EndState::SaidGoodbye);
  }

  std::uint64_t free_bytes(bool reply) const override {
    const std::lock_guard lock(core_->mutex);
    return out().windows.free_bytes(reply);
  }

  std::string describe() const override { return to_string(core_->edge) + " loopback"; }

  EdgeStats stats() const override {
    const std::lock_guard lock(core_->mutex);
    EdgeStats stats;
    stats.sent_messages = out().sent_messages;
    stats.sent_bytes = out().sent_bytes;
    stats.received_messages = in().received_messages;
    stats.received_bytes = in().received_bytes;
    out().windows.add_to(stats);
    return stats;
  }

  void set_waker(std::shared_ptr<exec::EventFd> waker) override {
    const std::lock_guard lock(core_->mutex);
    out().sender_waker = waker;
    in().receiver_waker = std::move(waker);
  }

 private:
  Direction& out() const { return core_->directions[outgoing_]; }
  Direction& in() const { return core_->directions[1 - outgoing_]; }
  std::string peer() const { return to_string(outgoing_ == 0 ? core_->edge.to : core_->edge.from); }
  Error vanished() const {
    return fail(Errc::Unavailable, "{}: {} vanished without a goodbye", describe(), peer());
  }
  void leave(EndState how) {
    if (out().sender != EndState::Open) return;
    out().sender = how;
    if (out().receiver_waker) out().receiver_waker->wake();
  }

  const std::shared_ptr<LoopbackCore> core_;
  const int outgoing_;
  const std::shared_ptr<LoopbackCredit> credit_;
  exec::ThreadChecker thread_;
  std::optional<Error> failure_;  // of receiving, sticky
};

}  // namespace

std::pair<std::unique_ptr<Endpoint>, std::unique_ptr<Endpoint>> loopback_pair(
    const Edge& edge, const EdgeOptions& options) {
  auto core = std::make_shared<LoopbackCore>(edge, options);
  return {std::make_unique<LoopbackEndpoint>(core, 0), std::make_unique<LoopbackEndpoint>(core, 1)};
}

Result<std::unique_ptr<Endpoint>> LoopbackNetwork::open(const Edge& edge, Rank self,
                                                        const EdgeOptions& options) {
  if (self != edge.from && self != edge.to) {
    return fail(Errc::InvalidArgument, "{} is no end of {}", to_string(self), to_string(edge));
  }
  const auto waiting = waiting_.find(edge);
  if (waiting != waiting_.end()) {
    if (waiting->second.owner != self) {
      return fail(Errc::InvalidArgument, "{} of {} is open already", to_string(self),
                  to_string(edge));
    }
    std::unique_ptr<Endpoint> endpoint = std::move(waiting->second.endpoint);
    waiting_.erase(waiting);
    return endpoint;
  }
  auto [from, to] = loopback_pair(edge, options);
  const bool is_from = self == edge.from;
  waiting_[edge] = {is_from ? edge.to : edge.from, is_from ? std::move(to) : std::move(from)};
  return is_from ? std::move(from) : std::move(to);
}

}  // namespace desa2va::transport
