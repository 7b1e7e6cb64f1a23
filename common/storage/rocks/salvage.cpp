#include "common/storage/rocks/salvage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <zstd.h>

#include "common/base/xxh3.h"
#include "common/storage/rocks/files.h"

// Blocks of RocksDB's block-based table, format version 5 (its `BlockBuilder` and `format.cc`):
//
//   block   := content type:u8 checksum:u32      type 0: as it is, 7: zstd behind a varint32 size
//   content := entry* restart:u32* restarts:u32  one restart for every 16 entries
//   entry   := shared:varint unshared:varint size:varint key-rest value
//
// A key ends with 8 bytes of sequence number 0 and type 1. The checksum is the low half of XXH3-64
// over the content, mixed with the type.
namespace desa2va::rocks {
namespace {

using Use = std::function<Result<void>(std::string_view, ByteSpan, std::uint64_t)>;

constexpr std::size_t kTrailer = 5;
constexpr std::uint8_t kPlain = 0;
constexpr std::uint8_t kZstd = 7;
constexpr std::size_t kKeyEnd = 8;
constexpr std::size_t kRestartInterval = 16;
constexpr std::uint64_t kMaxBlock = (1ULL << 30U) + (1U << 20U);

class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (fd < 0 || ::fstat(fd, &info) != 0) {
      error = errno;
    } else if (info.st_size > 0) {
      size = static_cast<std::size_t>(info.st_size);
      void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (at == MAP_FAILED) error = errno;
      if (error == 0) data = static_cast<const std::uint8_t*>(at);
    }
    if (fd >= 0) ::close(fd);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data != nullptr) ::munmap(const_cast<std::uint8_t*>(data), size);
  }

  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  int error = 0;
};

std::uint32_t read_u32(const std::uint8_t* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool read_varint(const std::uint8_t*& at, const std::uint8_t* end, std::uint32_t& value) {
  value = 0;
  for (unsigned shift = 0; shift <= 28 && at < end; shift += 7) {
    const std::uint8_t byte = *at++;
    value |= static_cast<std::uint32_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

bool checksum_holds(const std::uint8_t* content, std::size_t size) {
  constexpr std::uint32_t kMix = 0x6b9083d9U;
  const std::uint8_t type = content[size];
  const auto sum = static_cast<std::uint32_t>(XXH3_64bits(content, size)) ^ (type * kMix);
  return sum == read_u32(content + size + 1);
}

struct Entry {
  std::string key;
  const std::uint8_t* value = nullptr;
  std::size_t size = 0;
};

// The entry at `at`, whose key continues `previous`; moves behind it.
bool read_entry(const std::uint8_t*& at, const std::uint8_t* end, const std::string& previous,
                Entry& entry) {
  std::uint32_t shared = 0;
  std::uint32_t unshared = 0;
  std::uint32_t size = 0;
  if (!read_varint(at, end, shared) || !read_varint(at, end, unshared) ||
      !read_varint(at, end, size))
    return false;
  if (shared > previous.size() || unshared > 64 || shared + unshared <= kKeyEnd) return false;
  if (static_cast<std::uint64_t>(end - at) < std::uint64_t{unshared} + size) return false;
  entry.key = previous.substr(0, shared) + std::string(reinterpret_cast<const char*>(at), unshared);
  static constexpr std::string_view kSequence("\x01\0\0\0\0\0\0\0", kKeyEnd);
  if (!entry.key.ends_with(kSequence)) return false;
  at += unshared;
  entry.value = at;
  entry.size = size;
  at += size;
  return true;
}

class Walker {
 public:
  Walker(const Mapping& file, const Use& use) : file_(file), use_(use) {}

  Result<Salvaged> run() {
    std::size_t at = 0;
    while (at < file_.size) {
      DESA2VA_ASSIGN(std::size_t block, plain_block(at));
      if (block == 0) {
        DESA2VA_ASSIGN(block, zstd_block(at));
      }
      if (block == 0) ++result_.lost_bytes;
      at += block == 0 ? 1 : block;
    }
    return result_;
  }

 private:
  // Bytes of the sound uncompressed block that begins here, 0 if none does. Its end is where the
  // restarts and the checksum fit what was read so far.
  Result<std::size_t> plain_block(std::size_t begin) {
    const std::uint8_t* const start = file_.data + begin;
    const std::uint8_t* const end = file_.data + file_.size;
    if (end - start < 20 || start[0] != 0) return 0;  // the first key shares nothing
    const std::uint8_t* at = start;
    std::string previous;
    std::vector<Entry> entries;
    Entry entry;
    while (read_entry(at, end, previous, entry)) {
      entries.push_back(entry);
      previous = entry.key;
      const auto restarts =
          static_cast<std::uint32_t>((entries.size() + kRestartInterval - 1) / kRestartInterval);
      const std::size_t content = static_cast<std::size_t>(at - start) + 4UL * (restarts + 1);
      if (content > kMaxBlock) break;
      if (begin + content + kTrailer > file_.size) break;
      if (read_u32(start + content - 4) != restarts || start[content] != kPlain) continue;
      if (!checksum_holds(start, content)) continue;
      for (const Entry& found : entries)
        DESA2VA_TRY(hand_on(found, static_cast<std::uint64_t>(found.value - file_.data)));
      return content + kTrailer;
    }
    return 0;
  }

  Result<std::size_t> zstd_block(std::size_t begin) {
    const std::uint8_t* at = file_.data + begin;
    const std::uint8_t* const end = file_.data + file_.size;
    std::uint32_t plain_size = 0;
    if (!read_varint(at, end, plain_size) || plain_size == 0 || plain_size > kMaxBlock) return 0;
    if (end - at < 12 || read_u32(at) != ZSTD_MAGICNUMBER) return 0;
    const std::size_t frame = ZSTD_findFrameCompressedSize(at, static_cast<std::size_t>(end - at));
    if (ZSTD_isError(frame) != 0) return 0;
    const std::size_t content = static_cast<std::size_t>(at - file_.data) - begin + frame;
    if (begin + content + kTrailer > file_.size) return 0;
    const std::uint8_t* const start = file_.data + begin;
    if (start[content] != kZstd || !checksum_holds(start, content)) return 0;
    std::vector<std::uint8_t> plain(plain_size);
    const std::size_t got = ZSTD_decompress(plain.data(), plain.size(), at, frame);
    if (ZSTD_isError(got) != 0 || got != plain.size() || got < 8) return 0;
    const std::uint32_t restarts = read_u32(plain.data() + got - 4);
    if (restarts > (got - 4) / 4) return 0;
    const std::uint8_t* inside = plain.data();
    const std::uint8_t* const inside_end = plain.data() + got - 4 - 4UL * restarts;
    std::string previous;
    Entry entry;
    while (inside < inside_end && read_entry(inside, inside_end, previous, entry)) {
      DESA2VA_TRY(hand_on(entry, 0));
      previous = entry.key;
    }
    return content + kTrailer;
  }

  Result<void> hand_on(const Entry& entry, std::uint64_t offset) {
    ++result_.entries;
    return use_(std::string_view(entry.key).substr(0, entry.key.size() - kKeyEnd),
                std::as_bytes(std::span(entry.value, entry.size)), offset);
  }

  const Mapping& file_;
  const Use& use_;
  Salvaged result_;
};

}  // namespace

Result<Salvaged> salvage(const std::filesystem::path& path, const Use& use) {
  const Mapping file(path);
  if (file.error != 0) return system_error(file.error, "read", path);
  return Walker(file, use).run();
}

}  // namespace desa2va::rocks
