#include "common/models/weights/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

namespace desa2va::models {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes; the limit of the reference reader
constexpr std::size_t kMaxDimensions = 16;

std::optional<DType> safetensors_dtype(const std::string& name) {
  static const std::map<std::string, DType> kTypes = {
      {"F64", DType::F64}, {"F32", DType::F32}, {"F16", DType::F16}, {"BF16", DType::BF16},
      {"I64", DType::I64}, {"I32", DType::I32}, {"U8", DType::U8},   {"BOOL", DType::Bool}};
  const auto found = kTypes.find(name);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint64_t> count_of(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

struct Entry {
  std::string name;
  HostTensor tensor;
  std::uint64_t begin = 0, end = 0;
};

// One entry of the header, checked against the size of the data area.
Result<Entry> parse_entry(const std::string& name, const json& fields, std::uint64_t data_size) {
  const auto bad = [&](std::string_view what) {
    return fail(Errc::Corrupt, "tensor '{}': {}", name, what);
  };
  if (!fields.is_object() || !fields.contains("dtype") || !fields.contains("shape") ||
      !fields.contains("data_offsets") || !fields["dtype"].is_string() ||
      !fields["shape"].is_array() || !fields["data_offsets"].is_array()) {
    return bad("needs dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  const auto dtype = safetensors_dtype(fields["dtype"].get<std::string>());
  if (!dtype) return bad("has type " + fields["dtype"].get<std::string>() + ", which is not read");
  entry.tensor.dtype = *dtype;

  const auto& shape = fields["shape"];
  if (shape.size() > kMaxDimensions) return bad("has more than 16 dimensions");
  std::uint64_t bytes = size_of(*dtype);
  bool any_zero = false;
  for (const auto& side : shape) {
    const auto size = count_of(side);
    if (!size || *size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return bad("has a side that is no count");
    }
    any_zero = any_zero || *size == 0;
    if (!any_zero && bytes > std::numeric_limits<std::uint64_t>::max() / *size) {
      return bad("is larger than any file");
    }
    bytes *= *size;
    entry.tensor.shape.push_back(static_cast<std::int64_t>(*size));
  }
  if (any_zero) bytes = 0;

  const auto& offsets = fields["data_offsets"];
  const bool counts =
      offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned();
  if (counts) {
    entry.begin = offsets[0].get<std::uint64_t>();
    entry.end = offsets[1].get<std::uint64_t>();
  }
  if (!counts || entry.begin > entry.end || entry.end > data_size) {
    return bad(
        fmt::format("has offsets {} outside the {} bytes of data", offsets.dump(), data_size));
  }
  if (entry.end - entry.begin != bytes) {
    return bad(fmt::format("needs {} bytes, its offsets span {}", bytes, entry.end - entry.begin));
  }
  return entry;
}

// Throws json::exception on broken JSON; a name that appears twice is found while parsing.
json parse_header(std::string_view text, bool& duplicate) {
  std::vector<std::set<std::string>> open;
  const auto callback = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.empty()) {
      duplicate = duplicate || !open.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  return json::parse(text.begin(), text.end(), callback);
}

Result<SafetensorsFile> assemble(const json& header, const Buffer& data) {
  if (!header.is_object()) return fail(Errc::Corrupt, "the header is no JSON object");
  SafetensorsFile file;
  std::vector<Entry> entries;
  for (const auto& [name, fields] : header.items()) {
    if (name == "__metadata__") {
      if (!fields.is_object()) return fail(Errc::Corrupt, "__metadata__ is no object");
      for (const auto& [key, value] : fields.items()) {
        if (!value.is_string()) return fail(Errc::Corrupt, "metadata '{}' is no string", key);
        file.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    DESA2VA_ASSIGN(auto entry, parse_entry(name, fields, data.size()));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t next = 0;
  for (auto& entry : entries) {
    if (entry.begin != next) {
      return fail(Errc::Corrupt, "tensor '{}' starts at byte {} of the data, expected {}",
                  entry.name, entry.begin, next);
    }
    next = entry.end;
    entry.tensor.data = data.slice(entry.begin, entry.end - entry.begin);
    file.tensors.emplace(entry.name, std::move(entry.tensor));
  }
  if (next != data.size()) {
    return fail(Errc::Corrupt, "{} bytes follow the last tensor", data.size() - next);
  }
  return file;
}

// A mapped file, unmapped with its last reader.
struct Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  ~Mapping() {
    if (address != nullptr) ::munmap(address, size);
  }
};

Result<Buffer> map_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return fail(errno == ENOENT ? Errc::NotFound : Errc::Unavailable, "open {}: {}", path,
                std::strerror(errno));
  }
  struct stat status {};
  auto mapping = std::make_shared<Mapping>();
  Result<Buffer> result = Buffer();
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    result = fail(Errc::InvalidArgument, "{} is not a regular file", path);
  } else if (status.st_size > 0) {
    mapping->size = static_cast<std::size_t>(status.st_size);
    void* address = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, file, 0);
    if (address == MAP_FAILED) {
      result = fail(Errc::Unavailable, "map {}: {}", path, std::strerror(errno));
    } else {
      mapping->address = address;
      result = Buffer::wrap({static_cast<const std::byte*>(address), mapping->size}, mapping);
    }
  }
  ::close(file);
  return result;
}

}  // namespace

Result<SafetensorsFile> parse_safetensors(const Buffer& bytes, const std::string& what) {
  std::uint64_t header_size = 0;
  if (bytes.size() < sizeof header_size) {
    return fail(Errc::Corrupt, "{}: {} bytes are too few for a safetensors file", what,
                bytes.size());
  }
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  const auto rest = bytes.size() - sizeof header_size;
  if (header_size > std::min<std::uint64_t>(rest, kMaxHeader)) {
    return fail(Errc::Corrupt, "{}: a header of {} bytes is claimed, the file has {}", what,
                header_size, rest);
  }
  const Buffer data = bytes.slice(sizeof header_size + header_size, rest - header_size);
  bool duplicate = false;
  json header;
  try {
    header =
        parse_header(as_text(bytes.bytes().subspan(sizeof header_size, header_size)), duplicate);
  } catch (const json::exception& error) {
    return fail(Errc::Corrupt, "{}: the header is no JSON: {}", what, error.what());
  }
  if (duplicate) return fail(Errc::Corrupt, "{}: the header names something twice", what);
  return assemble(header, data).in(what);
}

Result<SafetensorsFile> read_safetensors(const std::string& path) {
  DESA2VA_ASSIGN(const auto bytes, map_file(path));
  return parse_safetensors(bytes, path);
}

}  // namespace desa2va::models
