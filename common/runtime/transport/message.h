#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"

// What travels between two services.
namespace desa2va::transport {

// Small and fixed, on every message; `schemas/common.capnp` is its wire form.
struct Envelope {
  std::uint16_t kind = 0;  // the receiver's message type; meaning given by `messages`
  bool reply = false;      // answers something received: draws on the reply window
  Phase phase = Phase::A;
  std::uint64_t run_id = 0;
  std::uint32_t generation = 0;
  std::uint64_t step = 0;           // 1, 2, ...; 0 outside steps
  std::uint64_t microbatch = 0;     // global number, counted over the run
  std::uint64_t edge_sequence = 0;  // 1, 2, ... per direction; written by the endpoint
  std::uint64_t trace_id = 0;
};

// Takes back the bytes of a message that its consumer is done with. Thread-safe.
class CreditSink {
 public:
  virtual ~CreditSink() = default;
  virtual void give_back(std::uint64_t bytes, bool reply) noexcept = 0;
};

// The part of the sender's window that a received message occupies. Given back when released or
// destroyed, on any thread; until then the sender may not use those bytes again.
class Credit {
 public:
  Credit() = default;
  Credit(std::shared_ptr<CreditSink> sink, std::uint64_t bytes, bool reply)
      : sink_(std::move(sink)), bytes_(bytes), reply_(reply) {}
  Credit(Credit&& other) noexcept = default;
  Credit& operator=(Credit&& other) noexcept {
    if (this != &other) {
      release();
      sink_ = std::move(other.sink_);
      bytes_ = other.bytes_;
      reply_ = other.reply_;
    }
    return *this;
  }
  ~Credit() { release(); }

  void release() noexcept {
    if (const auto sink = std::exchange(sink_, nullptr)) sink->give_back(bytes_, reply_);
  }
  std::uint64_t bytes() const { return sink_ ? bytes_ : 0; }

 private:
  std::shared_ptr<CreditSink> sink_;
  std::uint64_t bytes_ = 0;
  bool reply_ = false;
};

// Header and payloads share their bytes with whoever made them: nobody changes them after sending.
// A received message holds its sender's credit until it is destroyed, so keep it only as long as
// the bytes are needed; a Buffer taken out of it may live on and is no longer counted.
struct Message {
  Envelope envelope;
  Buffer header;                 // Cap'n Proto, whole words (transport/capnp.h reads it)
  std::vector<Buffer> payloads;  // 64-byte aligned after arrival
  Credit credit;

  // XXH3-64 of the header and of each payload. Left out by senders: the transport computes them
  // where bytes leave the process. Given (by the fault decorator), they are sent and checked as
  // they are.
  std::optional<std::uint64_t> header_checksum;
  std::vector<std::uint64_t> checksums;
};

// What a message counts against its budget: header, payloads and a fixed charge for what
// surrounds them, so that empty messages are bounded too.
inline constexpr std::uint64_t kMessageCharge = 256;
inline constexpr std::uint64_t kPayloadCharge = 64;
inline std::uint64_t charged_bytes(const Message& message) {
  std::uint64_t bytes = kMessageCharge + message.header.size();
  for (const Buffer& payload : message.payloads) bytes += kPayloadCharge + payload.size();
  return bytes;
}

}  // namespace desa2va::transport
