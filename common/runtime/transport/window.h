#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/result.h"
#include "common/runtime/transport/edge.h"

namespace desa2va::transport {

// The sender's account of one direction: what the receiver allows, and what of it is in flight.
// Both windows, forward and reply. Not thread-safe: whoever owns it brings the lock.
class Windows {
 public:
  explicit Windows(const EdgeOptions& own) : budget_{own.budget_bytes, own.reply_budget_bytes} {}

  // The receiver said what it allows. Before that nothing may be sent.
  void grant(std::uint64_t forward, std::uint64_t reply) {
    budget_[0] = forward;
    budget_[1] = reply;
    granted_ = true;
  }

  // Takes `bytes` from the window. InvalidArgument if they can never fit, Overloaded if not now.
  Result<void> take(std::uint64_t bytes, bool reply, const Edge& edge);

  void give_back(std::uint64_t bytes, bool reply) {
    in_flight_[reply] -= std::min(bytes, in_flight_[reply]);
  }

  std::uint64_t free_bytes(bool reply) const {
    return granted_ ? budget_[reply] - in_flight_[reply] : 0;
  }
  void add_to(EdgeStats& stats) const;

 private:
  std::uint64_t budget_[2];
  std::uint64_t in_flight_[2] = {0, 0};
  bool granted_ = false;
  std::uint64_t peak_ = 0;
  std::uint64_t overloaded_ = 0;
  bool waiting_ = false;
};

}  // namespace desa2va::transport
