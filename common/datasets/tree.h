#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::datasets {

// The files below one root. Paths come out of annotation files, so they are foreign: one that is
// absolute or climbs out of the root by ".." is InvalidArgument, whatever lies there. (Links
// inside the tree are the user's own and are followed.)
class DataTree {
 public:
  explicit DataTree(std::filesystem::path root) : root_(std::move(root)) {}

  Result<std::filesystem::path> below(std::string_view path) const;
  bool has(std::string_view path) const;
  // The whole file. NotFound: "missing file".
  Result<Buffer> read(std::string_view path) const;

 private:
  std::filesystem::path root_;
};

}  // namespace desa2va::datasets
