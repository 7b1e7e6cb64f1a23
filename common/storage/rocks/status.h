#pragma once

#include <filesystem>
#include <string_view>

#include <rocksdb/status.h>

#include "common/base/result.h"

namespace desa2va::rocks {

// The failure that `status` (not ok) tells of, with the file or folder it happened to. A full disk
// is Overloaded, a checksum Corrupt, a missing file NotFound, other input/output Unavailable.
Error to_error(const rocksdb::Status& status, std::string_view what,
               const std::filesystem::path& path);

}  // namespace desa2va::rocks
