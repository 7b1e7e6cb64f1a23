#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <zmq.hpp>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/transport/zmq/frame.h"
#include "common/runtime/transport/zmq/link.h"

namespace desa2va::transport {

// The socket of one link. Belongs to the transport thread. Its functions throw zmq::error_t only
// for what is a bug or the end of the context.
class Session {
 public:
  Session(zmq::context_t& context, std::shared_ptr<Link> link, const Clock& clock);
  Session(Session&&) = default;
  Session& operator=(Session&&) = delete;
  ~Session();

  // Binds or starts to connect.
  Result<void> start();

  // Sends what the endpoint left for us, reads what is there, and looks after the peer.
  void turn();

  // As if the endpoint were destroyed: the network is. One that still exists fails from now on.
  void abandon();

  // The endpoint is gone and what had to be said was said.
  bool finished() const { return finished_; }
  // Turn again after this many milliseconds even if nothing happens; -1: no need.
  int patience_ms() const;

  void add_poll_items(std::vector<zmq::pollitem_t>& items);
  const std::shared_ptr<Link>& link() const { return link_; }

 private:
  void read_events();
  void read_messages();
  Result<void> take(std::vector<zmq::message_t>& frames);
  Result<void> take_hello(const HelloFrame& hello);
  Result<void> take_message(const MessageFrame& frame, std::vector<zmq::message_t>& frames);
  void take_credit(const CreditFrame& credit);
  void flush();
  void send_message(Message&& message);
  // False if the peer's connection is not there.
  bool send_frame(const Frame& frame, bool more = false);
  bool send_bytes(const Buffer& bytes, bool more);
  void check_suspicion();
  void check_end();
  void close_sockets();
  HelloFrame own_hello() const;

  std::shared_ptr<Link> link_;
  const Clock* clock_;
  zmq::socket_t monitor_;  // before the socket it listens to, so that it is closed after it
  zmq::socket_t socket_;
  std::vector<zmq::message_t> frames_;
  std::optional<std::uint64_t> peer_session_;  // set: we have met
  std::optional<std::int64_t> suspect_ns_;     // a connection broke: is it the peer's?
  std::optional<std::int64_t> gone_ns_;        // the endpoint was destroyed
  bool gone_ = false;
  bool said_bye_ = false;
  bool over_ = false;  // failed, or the peer is gone: nothing more to send or read
  bool finished_ = false;
};

}  // namespace desa2va::transport
