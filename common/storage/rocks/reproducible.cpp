#include "common/storage/rocks/reproducible.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/xxh3.h"
#include "common/storage/rocks/files.h"

// Footer and meta blocks of RocksDB's block-based table, format version 5 (`format.cc`,
// `meta_blocks.cc`):
//
//   footer    := checksum-type:u8 metaindex:handle index:handle padding version:u32 magic:u64
//   handle    := offset:varint size:varint; 53 bytes in all, at the end of the file
//   metaindex := a block whose entry "rocksdb.properties" has the handle of the properties
namespace desa2va::rocks {
namespace {

constexpr std::size_t kFooter = 53;
constexpr std::size_t kIdentity = 20;  // characters 0-9 A-Z

class File {
 public:
  explicit File(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<std::string> read(std::uint64_t offset, std::size_t size) const {
    std::string text(size, '\0');
    const auto got = ::pread(fd_, text.data(), size, static_cast<off_t>(offset));
    if (got < 0) return system_error(errno, "read", path_);
    if (static_cast<std::size_t>(got) != size)
      return fail(Errc::Corrupt, "{} ends early", path_.string());
    return text;
  }
  Result<void> write(std::uint64_t offset, const std::string& text) const {
    const auto put = ::pwrite(fd_, text.data(), text.size(), static_cast<off_t>(offset));
    if (put != static_cast<ssize_t>(text.size())) return system_error(errno, "write", path_);
    return {};
  }
  Result<void> sync() const {
    if (::fdatasync(fd_) != 0) return system_error(errno, "sync", path_);
    return {};
  }
  bool ok() const { return fd_ >= 0; }
  std::uint64_t size() const { return static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END)); }

 private:
  std::filesystem::path path_;
  int fd_;
};

std::optional<std::uint64_t> read_varint(const std::string& text, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift <= 63 && at < text.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
std::optional<Handle> read_handle(const std::string& text, std::size_t at) {
  const auto offset = read_varint(text, at);
  const auto size = read_varint(text, at);
  if (!offset || !size || *size > (1U << 20U)) return std::nullopt;
  return Handle{*offset, *size};
}

// 20 characters out of a hash.
std::string identity_of(const ContentHash& hash) {
  std::string identity;
  std::uint64_t rest = hash.high;
  for (std::size_t i = 0; i < kIdentity; ++i) {
    if (i == kIdentity / 2) rest = hash.low;
    identity += "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest % 36];
    rest /= 36;
  }
  return identity;
}

std::string checksum_of(const std::string& content) {
  const auto sum = static_cast<std::uint32_t>(XXH3_64bits(content.data(), content.size()));
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(sum >> shift);
  return bytes;
}

}  // namespace

Result<void> make_reproducible(const std::filesystem::path& path) {
  const File file(path);
  if (!file.ok()) return system_error(errno, "open", path);
  const auto unexpected = [&] {
    return fail(Errc::Internal, "{} is not laid out as this program knows it", path.string());
  };
  const std::uint64_t size = file.size();
  if (size < kFooter) return unexpected();
  DESA2VA_ASSIGN(const std::string footer, file.read(size - kFooter, kFooter));
  const auto meta = read_handle(footer, 1);
  if (!meta) return unexpected();
  DESA2VA_ASSIGN(const std::string metaindex, file.read(meta->offset, meta->size));
  constexpr std::string_view kProperties = "rocksdb.properties";
  const auto named = metaindex.find(kProperties);
  if (named == std::string::npos) return unexpected();
  const auto place = read_handle(metaindex, named + kProperties.size());
  if (!place) return unexpected();
  // The properties, the type of their block (0: plain) and its checksum.
  DESA2VA_ASSIGN(std::string block, file.read(place->offset, place->size + 5));
  constexpr std::string_view kName = "session.identity";
  const auto at = block.find(kName);
  if (at == std::string::npos || at + kName.size() + kIdentity > place->size ||
      block[place->size] != 0)
    return unexpected();

  const auto put = [&](const std::string& identity) -> Result<void> {
    block.replace(at + kName.size(), kIdentity, identity);
    block.replace(place->size + 1, 4, checksum_of(block.substr(0, place->size)));
    return file.write(place->offset, block);
  };
  DESA2VA_TRY(put(std::string(kIdentity, '0')));
  DESA2VA_ASSIGN(const FileHash content, hash_file(path));
  DESA2VA_TRY(put(identity_of(content.hash)));
  return file.sync();
}

}  // namespace desa2va::rocks
