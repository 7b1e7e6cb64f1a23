#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

// XXH3: 64 bits guard a payload on its way, 128 bits name content (media, checkpoint chunks).
namespace desa2va {

std::uint64_t checksum64(ByteSpan bytes);

// The same of bytes that come in pieces. One thread.
class Checksum64 {
 public:
  Checksum64();
  Checksum64(const Checksum64&) = delete;
  Checksum64& operator=(const Checksum64&) = delete;
  ~Checksum64();
  void add(ByteSpan bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The name of some content. Ordered, so that it can be a key; 32 hexadecimal digits as text.
struct ContentHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const ContentHash&) const = default;

  std::string hex() const;
  static Result<ContentHash> parse(std::string_view hex);
};

ContentHash content_hash(ByteSpan bytes);

// CRC-32 (zlib's polynomial), as dataset facts are published with it; `seed` continues a sum.
std::uint32_t crc32(ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace desa2va
