#include "common/base/checksum.h"

#include <charconv>

#include "common/base/xxh3.h"

namespace desa2va {

std::uint64_t checksum64(ByteSpan bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

struct Checksum64::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
};

Checksum64::Checksum64() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(state_->xxh);
}
Checksum64::~Checksum64() = default;
void Checksum64::add(ByteSpan bytes) {
  XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size());
}
std::uint64_t Checksum64::value() const {
  return XXH3_64bits_digest(state_->xxh);
}

ContentHash content_hash(ByteSpan bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

std::string ContentHash::hex() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

Result<ContentHash> ContentHash::parse(std::string_view hex) {
  ContentHash hash;
  const auto read = [](std::string_view digits, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 16, value, 16);
    return error == std::errc() && end == digits.data() + 16;
  };
  if (hex.size() != 32 || !read(hex, hash.high) || !read(hex.substr(16), hash.low))
    return fail(Errc::InvalidArgument, "'{}' is no content hash (32 hexadecimal digits)", hex);
  return hash;
}

namespace {
constexpr auto kCrcTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    tables[0][i] = c;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t t = 1; t < 8; ++t)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFF];
  return tables;
}();
}  // namespace

// Eight bytes at a time ("slicing by 8").
std::uint32_t crc32(ByteSpan bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    crc ^= p[0] | (p[1] << 8U) | (p[2] << 16U) | (static_cast<std::uint32_t>(p[3]) << 24U);
    crc = kCrcTables[7][crc & 0xFF] ^ kCrcTables[6][(crc >> 8) & 0xFF] ^
          kCrcTables[5][(crc >> 16) & 0xFF] ^ kCrcTables[4][crc >> 24] ^ kCrcTables[3][p[4]] ^
          kCrcTables[2][p[5]] ^ kCrcTables[1][p[6]] ^ kCrcTables[0][p[7]];
  }
  for (; n > 0; --n, ++p) crc = (crc >> 8) ^ kCrcTables[0][(crc ^ *p) & 0xFF];
  return ~crc;
}

}  // namespace desa2va
