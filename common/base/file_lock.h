#pragma once

#include <filesystem>
#include <functional>

#include "common/base/result.h"

namespace desa2va {

// One owner at a time among all processes and threads that name the same file. The kernel frees the
// lock when its process ends, however it ends, so none is ever stale. Moved, not shared; gone, and
// the file with it, when dropped.
class FileLock {
 public:
  // Asked ten times a second while process `owner` (0: not known) holds the lock; false gives up.
  using Wait = std::function<bool(int owner)>;

  // Makes the folder of `file` where it is not there. Cancelled when `wait` gave up.
  static Result<FileLock> acquire(const std::filesystem::path& file, const Wait& wait);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  FileLock(std::filesystem::path file, int descriptor)
      : file_(std::move(file)), descriptor_(descriptor) {}
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace desa2va
