#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/transport/edge.h"
#include "common/runtime/transport/endpoint.h"

namespace desa2va::transport {

// Everything that arrives at one service, from all its edges.
//
// Owns the endpoints. Belongs to the service's thread, except `wake`. Takes messages from the
// edges in turn (the one after the last served comes first), so no edge starves another, and with
// the loopback transport the order is a function of what was sent.
class Inbox {
 public:
  using Source = std::size_t;  // index of an edge, in the order added
  struct Arrival {
    Source source;
    Message message;
  };

  Inbox();

  // `peer` is who is at the other end.
  Source add(Rank peer, std::unique_ptr<Endpoint> endpoint);

  std::size_t size() const { return edges_.size(); }
  Rank peer(Source source) const { return edges_[source].peer; }
  Endpoint& endpoint(Source source) { return *edges_[source].endpoint; }
  // The edge to `peer`, if there is one.
  std::optional<Source> find(Rank peer) const;

  // The next message, if any edge has one. A failed edge is returned as its failure, each call
  // again, once the others have nothing to give; Corrupt also when the numbers of an edge show a
  // gap or a repetition. An edge that ended well is passed over.
  Result<std::optional<Arrival>> next();

  // Every edge ended well.
  bool all_closed() const;
  // Some edge refused a message for want of credit and has not taken one since.
  bool waiting_for_credit() const;

  // Until something may have arrived (message, credit, end of a peer), `wake` was called,
  // `other_fd` became readable, or `timeout_ms` passed (-1: no limit). Nothing that arrived after
  // the last wait is slept over. True unless the time ran out.
  bool wait(int timeout_ms, int other_fd = -1);

  // Ends a wait, this one or the next. Any thread.
  void wake() noexcept { waker_->wake(); }

  // Says goodbye on every edge.
  void close_all();

 private:
  struct Entry {
    Rank peer;
    std::unique_ptr<Endpoint> endpoint;
    std::uint64_t last_sequence = 0;
    std::optional<Error> failure;
  };

  std::shared_ptr<exec::EventFd> waker_;
  std::vector<Entry> edges_;
  std::size_t cursor_ = 0;
};

}  // namespace desa2va::transport
