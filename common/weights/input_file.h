#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::weights {

// A file read at any place, by copies and not by mapping: a file that shrinks or a disk that fails
// meanwhile is an error then, not a signal, and what was read does not count as our memory.
// Bytes already in memory are read likewise. Immutable; any thread may read.
class InputFile {
 public:
  // NotFound, or InvalidArgument where it is no regular file.
  static Result<InputFile> open(const std::string& path);
  // Reads `bytes`; `name` stands in for the path.
  static InputFile over(Buffer bytes, std::string name);
  InputFile(InputFile&&) noexcept = default;
  InputFile& operator=(InputFile&&) noexcept = default;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  // Corrupt where the file ends before.
  Result<void> read(std::uint64_t offset, MutableByteSpan out) const;
  Result<Buffer> read(std::uint64_t offset, std::uint64_t size) const;

 private:
  InputFile() = default;
  std::string path_;
  std::uint64_t size_ = 0;
  std::shared_ptr<const int> descriptor_;  // closed with its last owner; none over memory
  Buffer bytes_;
};

}  // namespace desa2va::weights
