#include "common/weights/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

namespace desa2va::weights {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // bytes; the limit of the reference reader
constexpr std::size_t kMaxDimensions = 16;

const std::map<std::string, DType>& dtypes() {
  static const std::map<std::string, DType> kTypes = {
      {"F64", DType::F64}, {"F32", DType::F32}, {"F16", DType::F16}, {"BF16", DType::BF16},
      {"I64", DType::I64}, {"I32", DType::I32}, {"U8", DType::U8},   {"BOOL", DType::Bool}};
  return kTypes;
}

std::optional<std::uint64_t> count_of(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

// One entry of the header, checked against the size of the data area.
Result<SafetensorsEntry> parse_entry(const std::string& name, const json& fields,
                                     std::uint64_t data_size) {
  const auto bad = [&](std::string_view what) {
    return fail(Errc::Corrupt, "tensor '{}': {}", name, what);
  };
  if (!fields.is_object() || !fields.contains("dtype") || !fields.contains("shape") ||
      !fields.contains("data_offsets") || !fields["dtype"].is_string() ||
      !fields["shape"].is_array() || !fields["data_offsets"].is_array()) {
    return bad("needs dtype, shape and data_offsets");
  }
  SafetensorsEntry entry;
  entry.name = name;
  const auto dtype = dtypes().find(fields["dtype"].get<std::string>());
  if (dtype == dtypes().end()) {
    return bad("has type " + fields["dtype"].get<std::string>() +
               "; read are F64 F32 F16 BF16 I64 I32 U8 BOOL");
  }
  entry.info.dtype = dtype->second;

  const auto& shape = fields["shape"];
  if (shape.size() > kMaxDimensions) return bad("has more than 16 dimensions");
  std::uint64_t bytes = size_of(entry.info.dtype);
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
    entry.info.shape.push_back(static_cast<std::int64_t>(*size));
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
json parse_json(std::string_view text, std::string& duplicate) {
  std::vector<std::set<std::string>> open;
  const auto callback = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.empty()) {
      if (!open.back().insert(value.get<std::string>()).second && duplicate.empty()) {
        duplicate = value.get<std::string>();
      }
    }
    return true;
  };
  return json::parse(text.begin(), text.end(), callback);
}

Result<std::map<std::string, std::string>> parse_metadata(const json& fields) {
  std::map<std::string, std::string> metadata;
  if (!fields.is_object()) return fail(Errc::Corrupt, "__metadata__ is no object");
  for (const auto& [key, value] : fields.items()) {
    if (!value.is_string()) return fail(Errc::Corrupt, "metadata '{}' is no string", key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// End to end from byte 0 to the last, as the reference writer lays them.
Result<void> check_order(std::vector<SafetensorsEntry>& entries, std::uint64_t data_size) {
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  std::uint64_t next = 0;
  for (const auto& entry : entries) {
    if (entry.begin != next) {
      return fail(Errc::Corrupt,
                  "tensor '{}' starts at byte {} of the data, expected {}: tensors {}", entry.name,
                  entry.begin, next, entry.begin < next ? "overlap" : "leave a hole");
    }
    next = entry.end;
  }
  if (next != data_size) {
    return fail(Errc::Corrupt, "{} bytes follow the last tensor", data_size - next);
  }
  return {};
}

}  // namespace

std::string_view safetensors_name(DType dtype) {
  for (const auto& [name, type] : dtypes()) {
    if (type == dtype) return name;
  }
  return {};
}

Result<std::uint64_t> header_size(ByteSpan first_bytes, std::uint64_t file_size) {
  std::uint64_t size = 0;
  if (first_bytes.size() < sizeof size || file_size < sizeof size) {
    return fail(Errc::Corrupt, "{} bytes are too few for a safetensors file", file_size);
  }
  std::memcpy(&size, first_bytes.data(), sizeof size);
  const auto rest = file_size - sizeof size;
  if (size > std::min<std::uint64_t>(rest, kMaxHeader)) {
    return fail(Errc::Corrupt, "a header of {} bytes is claimed, the file has {}", size, rest);
  }
  return size;
}

Result<SafetensorsHeader> parse_header(std::string_view text, std::uint64_t data_size) {
  json root;
  std::string duplicate;
  // The parser takes a byte 0 for the end, and would pass over what follows it.
  if (const auto zero = text.find('\0'); zero != std::string_view::npos)
    return fail(Errc::Corrupt, "the header is no JSON: byte {} of it is 0", zero);
  try {
    root = parse_json(text, duplicate);
  } catch (const json::exception& error) {
    return fail(Errc::Corrupt, "the header is no JSON: {}", error.what());
  }
  if (!duplicate.empty()) {
    return fail(Errc::Corrupt, "the header names something twice: '{}'", duplicate);
  }
  if (!root.is_object()) return fail(Errc::Corrupt, "the header is no JSON object");
  SafetensorsHeader header;
  for (const auto& [name, fields] : root.items()) {
    if (name == "__metadata__") {
      DESA2VA_ASSIGN(header.metadata, parse_metadata(fields));
      continue;
    }
    DESA2VA_ASSIGN(auto entry, parse_entry(name, fields, data_size));
    header.entries.push_back(std::move(entry));
  }
  DESA2VA_TRY(check_order(header.entries, data_size));
  return header;
}

}  // namespace desa2va::weights
