#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/protocol/courier.h"
#include "common/protocol/member.h"
#include "common/protocol/routes.h"

// What the services that take part in steps have in common: inputs that wait for their turn, and
// whose turn it is.
namespace desa2va::protocol {

// Decoded messages by microbatch, each with the credit of its bytes, which goes back to the sender
// when the input was used.
template <class T>
class Pending {
 public:
  void put(std::uint64_t microbatch, T value, transport::Message message) {
    held_.insert_or_assign(microbatch, Held{std::move(value), std::move(message.credit)});
  }
  const T* find(std::uint64_t microbatch) const {
    const auto found = held_.find(microbatch);
    return found == held_.end() ? nullptr : &found->second.value;
  }
  void erase(std::uint64_t microbatch) { held_.erase(microbatch); }

 private:
  struct Held {
    T value;
    transport::Credit credit;
  };
  std::map<std::uint64_t, Held> held_;
};

// This rank's microbatches of the open step, forward and backward each in ascending order.
class Turns {
 public:
  // Starts over when `step` is another one.
  void follow(const OpenStep& step, const Routes& routes, Rank self) {
    if (step_ == step.step) return;
    step_ = step.step;
    own_ = routes.of_step(self, step.step);
    forward_ = backward_ = 0;
  }
  std::uint64_t step() const { return step_; }
  const std::vector<std::uint64_t>& own() const { return own_; }
  std::optional<std::uint64_t> next_forward() const { return at(forward_); }
  std::optional<std::uint64_t> next_backward() const { return at(backward_); }
  void forward_done() { ++forward_; }
  void backward_done() { ++backward_; }
  std::int64_t in_flight() const { return static_cast<std::int64_t>(forward_ - backward_); }

 private:
  std::optional<std::uint64_t> at(std::size_t i) const {
    return i < own_.size() ? std::optional(own_[i]) : std::nullopt;
  }
  std::uint64_t step_ = 0;
  std::vector<std::uint64_t> own_;
  std::size_t forward_ = 0;
  std::size_t backward_ = 0;
};

// One pump of such a service: send what waited, take all that is here, then at most one stage call
// (`work`, which returns whether it did one), then the transaction's next move. Never waits.
template <class Take, class Work>
Result<bool> pump_member(Courier& courier, Member& member, Take take, Work work) {
  DESA2VA_ASSIGN(bool worked, courier.flush());
  while (true) {
    DESA2VA_ASSIGN(auto arrival, courier.next());
    if (!arrival) break;
    worked = true;
    if (arrival->from.role == Role::Coordinator)
      DESA2VA_TRY(member.on_control(arrival->message));
    else
      DESA2VA_TRY(take(std::move(arrival->message)));
  }
  DESA2VA_ASSIGN(const bool computed, work());
  if (computed) return true;
  DESA2VA_ASSIGN(const bool moved, member.advance());
  return worked || moved;
}

// What such a service waits for, as its trace books it.
inline tracing::Span waiting_for(const Courier& courier, const Member& member) {
  if (member.in_commit()) return tracing::Span::WaitCommit;
  return courier.idle() ? tracing::Span::WaitInput : tracing::Span::WaitCredit;
}

}  // namespace desa2va::protocol
