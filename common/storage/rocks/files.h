#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/result.h"

// Files that survive a power cut, and failures of the file system as values.
namespace desa2va::rocks {

// What `error` (an errno) means for the caller: Overloaded for a full disk or quota, NotFound,
// InvalidArgument for missing rights, else Unavailable. "write /a/b: No space left on device".
Error system_error(int error, std::string_view what, const std::filesystem::path& path);

// Makes names in `dir` durable: creations, renames and removals so far.
Result<void> sync_directory(const std::filesystem::path& dir);

// Makes what was written to the file at `path` durable.
Result<void> sync_file(const std::filesystem::path& path);

// Makes `dir` and its missing parents, durably.
Result<void> make_directories(const std::filesystem::path& dir);

// Replaces the file at `path` with `bytes`, durably and in one step.
Result<void> write_file(const std::filesystem::path& path, ByteSpan bytes);

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

struct FileHash {
  ContentHash hash;
  std::uint64_t bytes = 0;
};
// XXH3-128 of the whole file, as `xxhsum -H2` prints it.
Result<FileHash> hash_file(const std::filesystem::path& path);

// Renames; with `replace` false an existing target is left alone and the result is false.
Result<bool> rename_path(const std::filesystem::path& from, const std::filesystem::path& to,
                         bool replace);

}  // namespace desa2va::rocks
