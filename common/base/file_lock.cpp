#include "common/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace desa2va {
namespace {

constexpr auto kPause = std::chrono::milliseconds(100);

Error failure(const char* what, const std::filesystem::path& file) {
  return fail(errno == ENOSPC ? Errc::Overloaded : Errc::InvalidArgument, "{} the lock {}: {}",
              what, file.string(), std::strerror(errno));
}

int owner_of(int descriptor) {
  char text[16] = {};
  return ::pread(descriptor, text, sizeof text - 1, 0) > 0 ? std::atoi(text) : 0;
}

// Whether the name still means the file that is open: its last owner may have removed it.
bool is_named(const std::filesystem::path& file, int descriptor) {
  struct stat named {
  }, open{};
  return ::stat(file.c_str(), &named) == 0 && ::fstat(descriptor, &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& file, const Wait& wait) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  for (;;) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) return failure("open", file);
    FileLock lock({}, descriptor);  // closes it on every way out; removes only what it owns
    while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return failure("take", file);
      if (!wait(owner_of(descriptor)))
        return fail(Errc::Cancelled, "stopped while another process held {}", file.string());
      std::this_thread::sleep_for(kPause);
    }
    if (!is_named(file, descriptor)) continue;
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor, 0) != 0 ||
        ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
      return failure("write", file);
    lock.file_ = file;
    return lock;
  }
}

FileLock::FileLock(FileLock&& other) noexcept
    : file_(std::exchange(other.file_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ < 0) return;
  if (!file_.empty()) ::unlink(file_.c_str());  // while it is held: no other owner is disturbed
  ::close(descriptor_);
}

}  // namespace desa2va
