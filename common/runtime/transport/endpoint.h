#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/runtime/exec/event_fd.h"
#include "common/runtime/transport/message.h"

namespace desa2va::transport {

// Counted since the endpoint was opened; bytes are charged_bytes.
struct EdgeStats {
  std::uint64_t sent_messages = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_messages = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t in_flight_bytes = 0;  // sent here, not yet released there; both windows
  std::uint64_t peak_in_flight_bytes = 0;
  std::uint64_t overloaded = 0;     // how often try_send said so
  bool waiting_for_credit = false;  // the last try_send was Overloaded
};

// One end of an ordered, bounded, two-way channel between two services.
//
// Belongs to one thread, the first to use it; call it from no other (a received message may be
// released on any). Messages arrive whole and in the order sent, or the endpoint fails: it never
// drops or reorders. After any failure but Overloaded and InvalidArgument, every call returns that
// failure. Destroyed without close(), it looks to its peer like a death.
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // Never blocks. Takes the message on success. Overloaded while the peer's window lacks the bytes
  // (or the peer has not come yet), InvalidArgument if the message is larger than the whole
  // window; nothing has then been sent and `message` is untouched, so trying again is safe.
  // Messages with `envelope.reply` draw on the reply window, which start-up checks to hold every
  // answer that can be open: they never wait. Writes `envelope.edge_sequence`.
  virtual Result<void> try_send(Message& message) = 0;

  // A message if one is here; what arrives also wakes the owner's inbox, and so does credit.
  // Unavailable if the peer vanished (after everything that arrived before was received);
  // Corrupt if a checksum disagrees. Nothing, forever, after a good end: see `closed()`.
  virtual Result<std::optional<Message>> try_receive() = 0;

  // The peer said goodbye and everything it sent was received.
  virtual bool closed() const = 0;

  // Says goodbye after what was sent. Sending afterwards is Unavailable; receiving goes on.
  virtual void close() = 0;

  // Bytes that try_send would take now; 0 until the peer came.
  virtual std::uint64_t free_bytes(bool reply) const = 0;

  // "mllm-0->decoupler-0 tcp://10.0.0.4:7003", for logs and traces.
  virtual std::string describe() const = 0;

  virtual EdgeStats stats() const = 0;

  // Raised when a message, credit, the peer, its goodbye or its death arrives. Set once, by the
  // inbox, before anything is received.
  virtual void set_waker(std::shared_ptr<exec::EventFd> waker) = 0;
};

}  // namespace desa2va::transport
