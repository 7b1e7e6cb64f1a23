#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::datasets {

// What tells a file from its later self without reading it.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

// The files below one root. Paths come out of annotation files, so they are foreign: one that is
// absolute or climbs out of the root by ".." is InvalidArgument, whatever lies there. (Links
// inside the tree are the user's own and are followed.)
class DataTree {
 public:
  explicit DataTree(std::filesystem::path root) : root_(std::move(root)) {}

  Result<std::filesystem::path> below(std::string_view path) const;
  bool has(std::string_view path) const;
  // Nothing for what is no ordinary file, is missing or leaves the root.
  std::optional<FileStamp> stamp(std::string_view path) const;
  // The whole file. NotFound: "missing file"; Unavailable: it is there and cannot be read.
  Result<Buffer> read(std::string_view path) const;

 private:
  std::filesystem::path root_;
};

}  // namespace desa2va::datasets
