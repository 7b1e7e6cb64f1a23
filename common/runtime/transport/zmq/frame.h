#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/runtime/transport/message.h"

// The first frame of what ends say to each other (schemas/common.capnp) as plain values.
namespace desa2va::transport {

inline constexpr std::uint16_t kProtocolVersion = 1;

struct HelloFrame {
  std::uint16_t version = kProtocolVersion;
  std::string rank;
  std::string edge;
  std::uint64_t session = 0;
  std::uint64_t budget_bytes = 0;
  std::uint64_t reply_budget_bytes = 0;
};

struct MessageFrame {
  struct Payload {
    std::uint64_t size = 0;
    std::uint64_t checksum = 0;
  };
  Envelope envelope;
  std::uint64_t header_checksum = 0;
  std::vector<Payload> payloads;
};

struct CreditFrame {
  std::uint64_t bytes = 0;
  std::uint64_t reply_bytes = 0;
};

struct ByeFrame {};

using Frame = std::variant<HelloFrame, MessageFrame, CreditFrame, ByeFrame>;

Buffer encode_frame(const Frame& frame);

// Bytes of any alignment and origin; Corrupt if they are no frame.
Result<Frame> decode_frame(ByteSpan bytes);

}  // namespace desa2va::transport
