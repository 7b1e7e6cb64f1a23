#pragma once

#include <filesystem>

#include "common/base/result.h"

namespace desa2va::rocks {

// RocksDB writes an identity drawn at random into every SST file. Replaces it by one that follows
// from the content of the file, so that equal entries give equal files. (It must differ between
// files that differ: RocksDB's block cache tells files apart by it.) The file is synced again.
Result<void> make_reproducible(const std::filesystem::path& path);

}  // namespace desa2va::rocks
