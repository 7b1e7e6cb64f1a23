#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::rocks {

// Reads an SST file of ours without its tables and footer, block after block as they lie in the
// file, and calls `use` with every entry of every block whose checksum holds: what is left of a
// damaged or truncated file. `value_offset` is where the value lies in the file (0: in a compressed
// block). Keys come in the order of the file; a block damaged in the middle is passed over.
struct Salvaged {
  std::uint64_t entries = 0;
  std::uint64_t lost_bytes = 0;  // that belong to no sound block of entries
};
Result<Salvaged> salvage(const std::filesystem::path& path,
                         const std::function<Result<void>(std::string_view key, ByteSpan value,
                                                          std::uint64_t value_offset)>& use);

}  // namespace desa2va::rocks
