#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/weights/tensor_source.h"

// The first bytes of a safetensors file, for this folder alone.
namespace desa2va::weights {

inline constexpr std::size_t kHeaderSizeBytes = 8;

// "F32", "BF16", ...; empty for what the format does not name.
std::string_view safetensors_name(DType dtype);

struct SafetensorsEntry {
  std::string name;
  TensorInfo info;
  std::uint64_t begin = 0, end = 0;  // from the first byte behind the header
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  // in the order of their data
};

// How long the header is, from the first 8 bytes of a file of `file_size`. Corrupt where the file
// has not so many, or more are claimed than any header has.
Result<std::uint64_t> header_size(ByteSpan first_bytes, std::uint64_t file_size);

// Corrupt, naming the tensor, if a length, offset, shape or type does not fit `data_size` bytes of
// data, if tensors overlap or leave holes, or if a name appears twice.
Result<SafetensorsHeader> parse_header(std::string_view text, std::uint64_t data_size);

}  // namespace desa2va::weights
