#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/messages/codec.h"
#include "common/runtime/tracing/tracer.h"
#include "common/runtime/transport/inbox.h"

namespace desa2va::protocol {

// What a message belongs to.
struct Stamp {
  Phase phase = Phase::A;
  std::uint64_t step = 0;
  std::uint64_t microbatch = 0;  // global
  bool reply = false;            // answers something received: has its own window, never waits long
};

// Sends and receives for one service: by rank instead of by edge, in order, never blocking. What a
// full window refuses waits here; a service asks `waits(to)` before it makes more for `to`, so at
// most one stage's output waits per peer and the producer is the one who waits.
//
// Belongs to the service's thread. `inbox` and `tracer` must outlive it.
class Courier {
 public:
  Courier(Rank self, std::uint64_t run_id, transport::Inbox& inbox, tracing::Tracer& tracer);

  struct Arrival {
    Rank from;
    transport::Message message;
  };
  // The next message from anyone. Unavailable names a peer that vanished.
  Result<std::optional<Arrival>> next();

  // Takes `value` for `to`, sends it now or in a later flush. InvalidArgument: larger than the
  // edge's budget, which start-up should have refused.
  template <class T>
  Result<void> send(Rank to, const T& value, const Stamp& stamp) {
    auto span = tracer_.span(tracing::Span::Encode, stamp.microbatch);
    return post(to, messages::encode(value), stamp);
  }
  template <class T>
  Result<void> send_coordinator(const T& value, const Stamp& stamp = {}) {
    return send({Role::Coordinator, 0}, value, stamp);
  }

  // Tries again what waits; true if anything went.
  Result<bool> flush();
  // Whether something for `to` waits for credit.
  bool waits(Rank to) const;
  bool idle() const { return waiting_.empty(); }

  Rank self() const { return self_; }
  tracing::Tracer& tracer() { return tracer_; }

 private:
  Result<void> post(Rank to, transport::Message message, const Stamp& stamp);

  const Rank self_;
  const std::uint64_t run_id_;
  transport::Inbox& inbox_;
  tracing::Tracer& tracer_;
  std::map<Rank, std::deque<transport::Message>> waiting_;  // in order, only peers with something
};

}  // namespace desa2va::protocol
