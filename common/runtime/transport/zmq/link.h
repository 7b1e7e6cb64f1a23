#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/runtime/transport/edge.h"
#include "common/runtime/transport/window.h"

namespace desa2va::transport {

// What an endpoint (service thread), the credits it gave out (any thread) and the transport thread
// know about one end of an edge together.
class Link {
 public:
  Link(const Edge& edge, Rank self, std::string url, const EdgeOptions& options,
       std::shared_ptr<exec::EventFd> transport_waker);

  const Edge edge;
  const Rank self;
  const Rank peer;
  const std::string url;
  const EdgeOptions options;
  const std::uint64_t session;
  const std::shared_ptr<exec::EventFd> transport_waker;

  bool binds() const { return self == edge.from; }
  std::string describe() const { return to_string(edge) + " " + url; }

  struct State {
    explicit State(const EdgeOptions& options) : windows(options) {}
    Windows windows;                       // what we send
    std::deque<Message> outbound;          // has its credit, waits for the transport thread
    std::deque<Message> inbound;           // waits for the endpoint
    std::uint64_t occupied[2] = {0, 0};    // of the windows we granted: arrived, not released
    std::uint64_t credit_due[2] = {0, 0};  // released, the peer does not know yet
    std::uint64_t sent_messages = 0, sent_bytes = 0;
    std::uint64_t received_messages = 0, received_bytes = 0;
    bool closed_here = false;  // close() was called
    bool gone_here = false;    // the endpoint was destroyed
    bool peer_said_bye = false;
    std::optional<Error> failure;
    std::shared_ptr<exec::EventFd> waker;  // of the inbox
  };

  // f(State&) under the lock; then wakes the inbox if `f` returns true.
  template <class F>
  void arrived(F&& f) {
    std::shared_ptr<exec::EventFd> waker;
    {
      const std::lock_guard lock(mutex_);
      if (f(state_)) waker = state_.waker;
    }
    if (waker) waker->wake();
  }
  template <class F>
  decltype(auto) with(F&& f) {
    const std::lock_guard lock(mutex_);
    return f(state_);
  }

  // The first failure stays.
  void fail_with(Error error);

 private:
  std::mutex mutex_;
  State state_;
};

// The endpoint over a link; the transport thread is the other user of the link.
std::unique_ptr<Endpoint> make_zmq_endpoint(std::shared_ptr<Link> link);

}  // namespace desa2va::transport
