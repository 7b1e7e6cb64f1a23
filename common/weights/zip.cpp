#include "common/weights/zip.h"

#include <algorithm>
#include <optional>

#include "common/base/checksum.h"

namespace desa2va::weights {
namespace {

// PKWARE's APPNOTE 6.3: section 4.3.7 local header, 4.3.12 central directory, 4.3.14 to 16 ends.
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::uint64_t kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr std::uint64_t kCentralBytes = 46, kLocalBytes = 30;
constexpr std::uint64_t kMaxComment = 65535;
constexpr std::uint64_t kMaxDirectory = 256U << 20U;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the field is in the zip64 part

// Little-endian numbers out of a block; the caller has checked its length.
std::uint64_t number(ByteSpan bytes, std::size_t at, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = size; i-- > 0;)
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[at + i]);
  return value;
}

struct Directory {
  std::uint64_t offset = 0, size = 0, count = 0;
};

Result<std::optional<Directory>> find_zip64(const InputFile& file, std::uint64_t end_at) {
  if (end_at < kLocatorBytes) return std::optional<Directory>();
  DESA2VA_ASSIGN(const Buffer locator, file.read(end_at - kLocatorBytes, kLocatorBytes));
  if (number(locator.bytes(), 0, 4) != kEnd64Locator) return std::optional<Directory>();
  DESA2VA_ASSIGN(const Buffer end, file.read(number(locator.bytes(), 8, 8), kEnd64Bytes));
  if (number(end.bytes(), 0, 4) != kEnd64)
    return fail(Errc::Corrupt, "zip64 end record is damaged");
  return std::optional(Directory{number(end.bytes(), 48, 8), number(end.bytes(), 40, 8),
                                 number(end.bytes(), 32, 8)});
}

Result<Directory> find_directory(const InputFile& file) {
  const std::uint64_t tail = std::min(file.size(), kEndBytes + kMaxComment);
  DESA2VA_ASSIGN(const Buffer bytes, file.read(file.size() - tail, tail));
  for (std::uint64_t back = kEndBytes; back <= tail; ++back) {
    const auto at = static_cast<std::size_t>(tail - back);
    if (number(bytes.bytes(), at, 4) != kEnd) continue;
    if (number(bytes.bytes(), at + 20, 2) != back - kEndBytes) continue;  // length of the comment
    DESA2VA_ASSIGN(const auto wide, find_zip64(file, file.size() - back));
    if (wide) return *wide;
    return Directory{number(bytes.bytes(), at + 16, 4), number(bytes.bytes(), at + 12, 4),
                     number(bytes.bytes(), at + 10, 2)};
  }
  return fail(Errc::InvalidArgument,
              "no zip archive: it has no end record; cut off, or written by a torch before 1.6?");
}

// One entry of the central directory; sizes that did not fit are in the zip64 extra field.
struct Central {
  std::string name;
  std::uint64_t header = 0, size = 0, packed = 0;
  std::uint32_t crc = 0;
  unsigned method = 0, flags = 0;
  std::size_t bytes = 0;  // of the entry
};

Result<Central> parse_central(ByteSpan bytes) {
  const auto cut = [] { return fail(Errc::Corrupt, "the central directory is cut"); };
  if (bytes.size() < kCentralBytes) return cut();
  if (number(bytes, 0, 4) != kCentralHeader)
    return fail(Errc::Corrupt, "the central directory is damaged");
  const std::size_t name = number(bytes, 28, 2), extra = number(bytes, 30, 2),
                    comment = number(bytes, 32, 2);
  Central entry;
  entry.bytes = kCentralBytes + name + extra + comment;
  if (bytes.size() < entry.bytes) return cut();
  entry.name = as_text(bytes.subspan(kCentralBytes, name));
  entry.flags = static_cast<unsigned>(number(bytes, 8, 2));
  entry.method = static_cast<unsigned>(number(bytes, 10, 2));
  entry.crc = static_cast<std::uint32_t>(number(bytes, 16, 4));
  entry.packed = number(bytes, 20, 4);
  entry.size = number(bytes, 24, 4);
  entry.header = number(bytes, 42, 4);
  ByteSpan rest = bytes.subspan(kCentralBytes + name, extra);
  while (rest.size() >= 4) {
    const std::size_t kind = number(rest, 0, 2), size = number(rest, 2, 2);
    if (rest.size() - 4 < size) break;
    ByteSpan field = rest.subspan(4, size);
    rest = rest.subspan(4 + size);
    if (kind != 1) continue;
    for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.header}) {
      if (*value != kIn64) continue;
      if (field.size() < 8)
        return fail(Errc::Corrupt, "entry '{}' lacks its zip64 size", entry.name);
      *value = number(field, 0, 8);
      field = field.subspan(8);
    }
  }
  return entry;
}

// Where the data begin: behind the local header, whose extra field may be longer.
Result<ZipArchive::Entry> locate(const InputFile& file, const Central& central) {
  const auto bad = [&](std::string_view what) {
    return fail(Errc::Corrupt, "entry '{}' {}", central.name, what);
  };
  if ((central.flags & 1U) != 0)
    return fail(Errc::InvalidArgument, "entry '{}' is encrypted", central.name);
  if (central.method != 0)
    return fail(Errc::InvalidArgument,
                "entry '{}' is compressed (method {}); torch.save stores entries as they are: save "
                "the file again with it",
                central.name, central.method);
  if (central.packed != central.size) return bad("is stored and has two sizes");
  if (central.header > file.size() || file.size() - central.header < kLocalBytes)
    return bad("lies behind the end of the file");
  DESA2VA_ASSIGN(const Buffer local, file.read(central.header, kLocalBytes));
  if (number(local.bytes(), 0, 4) != kLocalHeader) return bad("has no header where it should");
  ZipArchive::Entry entry;
  entry.offset =
      central.header + kLocalBytes + number(local.bytes(), 26, 2) + number(local.bytes(), 28, 2);
  entry.size = central.size;
  entry.crc = central.crc;
  if (entry.offset > file.size() || entry.size > file.size() - entry.offset) {
    return bad(fmt::format("claims {} bytes, which end behind the end of the file", entry.size));
  }
  return entry;
}

}  // namespace

Result<ZipArchive> ZipArchive::open(const std::string& path) {
  DESA2VA_ASSIGN(InputFile file, InputFile::open(path));
  return read(std::move(file));
}

Result<ZipArchive> ZipArchive::read(InputFile file) {
  const std::string path = file.path();
  if (file.size() < kEndBytes)
    return fail(Errc::InvalidArgument, "{}: {} bytes are no zip archive", path, file.size());
  DESA2VA_ASSIGN(const Directory directory, find_directory(file).in(path));
  if (directory.size > kMaxDirectory)
    return fail(Errc::Corrupt, "{}: a directory of {} bytes is claimed", path, directory.size);
  DESA2VA_ASSIGN(const Buffer bytes, file.read(directory.offset, directory.size).in(path));
  ZipArchive archive(std::move(file));
  ByteSpan rest = bytes.bytes();
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    DESA2VA_ASSIGN(const Central central, parse_central(rest).in(path));
    rest = rest.subspan(central.bytes);
    DESA2VA_ASSIGN(const Entry entry, locate(archive.file_, central).in(path));
    if (!archive.entries_.emplace(central.name, entry).second)
      return fail(Errc::Corrupt, "{}: has two entries '{}'", path, central.name);
  }
  return archive;
}

Result<void> ZipArchive::verify(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  Buffer block = Buffer::allocate(std::min<std::uint64_t>(entry.size, 4U << 20U));
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < entry.size;) {
    const auto part =
        block.mutable_bytes().first(std::min<std::uint64_t>(block.size(), entry.size - done));
    DESA2VA_TRY(file_.read(entry.offset + done, part));
    crc = crc32(part, crc);
    done += part.size();
  }
  if (crc != entry.crc) {
    return fail(Errc::Corrupt, "{}: the checksum of entry '{}' differs: its bytes are damaged",
                file_.path(), name);
  }
  return {};
}

}  // namespace desa2va::weights
