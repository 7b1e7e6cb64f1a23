#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::weights {

// A file that appears under its name when it is whole and on disk; dropped before, it leaves
// nothing. Until then it has no name at all where the file system can do that (O_TMPFILE), so that
// a killed process leaves nothing either; elsewhere it is `<path>.tmp`. Belongs to one thread.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // Overloaded when the disk is full.
  Result<void> write(ByteSpan bytes);
  Result<void> finish();

 private:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}
  std::string temporary() const { return path_ + ".tmp"; }
  Error failure(const char* what) const;

  int descriptor_ = -1;
  bool named_ = false;  // there is a file temporary()
  std::string path_;
};

// A whole small file at once.
Result<void> write_file(const std::string& path, std::string_view content);

}  // namespace desa2va::weights
