#include "common/storage/rocks/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "common/base/xxh3.h"

namespace desa2va::rocks {
namespace {

// An open file descriptor.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, int mode = 0644)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Error system_error(int error, std::string_view what, const std::filesystem::path& path) {
  const char* reason = std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return fail(Errc::Overloaded, "{} {}: {}: free some space there", what, path.string(),
                  reason);
    case ENOENT:
    case ENOTDIR:
      return fail(Errc::NotFound, "{} {}: {}", what, path.string(), reason);
    case EACCES:
    case EPERM:
    case EROFS:
      return fail(Errc::InvalidArgument, "{} {}: {}", what, path.string(), reason);
    default:
      return fail(Errc::Unavailable, "{} {}: {}", what, path.string(), reason);
  }
}

Result<void> sync_directory(const std::filesystem::path& dir) {
  const Descriptor descriptor(dir, O_RDONLY | O_DIRECTORY);
  if (!descriptor.ok()) return system_error(errno, "open", dir);
  if (::fsync(descriptor.get()) != 0) return system_error(errno, "sync", dir);
  return {};
}

Result<void> sync_file(const std::filesystem::path& path) {
  const Descriptor descriptor(path, O_RDONLY);
  if (!descriptor.ok()) return system_error(errno, "open", path);
  if (::fsync(descriptor.get()) != 0) return system_error(errno, "sync", path);
  return {};
}

Result<void> make_directories(const std::filesystem::path& dir) {
  if (dir.empty() || std::filesystem::is_directory(dir)) return {};
  const auto parent = std::filesystem::absolute(dir).parent_path();
  DESA2VA_TRY(make_directories(parent));
  if (::mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) return system_error(errno, "make", dir);
  return sync_directory(parent);
}

Result<void> write_file(const std::filesystem::path& path, ByteSpan bytes) {
  auto temporary = path;
  temporary += fmt::format(".{}.tmp", ::getpid());
  {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.ok()) return system_error(errno, "create", temporary);
    int error = 0;
    while (!bytes.empty() && error == 0) {
      const auto written = ::write(file.get(), bytes.data(), bytes.size());
      if (written >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        error = errno;
      }
    }
    if (error == 0 && ::fsync(file.get()) != 0) error = errno;
    if (error != 0) {
      ::unlink(temporary.c_str());
      return system_error(error, "write", path);
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return system_error(error, "rename to", path);
  }
  return sync_directory(std::filesystem::absolute(path).parent_path());
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) return system_error(errno, "open", path);
  std::string text;
  std::vector<char> piece(64UL << 10U);
  for (;;) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read", path);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > max_bytes) {
      return fail(Errc::Corrupt, "{} is larger than {}", path.string(), format_bytes(max_bytes));
    }
  }
}

Result<FileHash> hash_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) return system_error(errno, "open", path);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  FileHash result;
  std::vector<char> piece(1UL << 20U);
  for (;;) {
    const auto got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read", path);
    if (got == 0) break;
    XXH3_128bits_update(state.get(), piece.data(), static_cast<std::size_t>(got));
    result.bytes += static_cast<std::uint64_t>(got);
  }
  const XXH128_hash_t digest = XXH3_128bits_digest(state.get());
  result.hash = {digest.high64, digest.low64};
  return result;
}

Result<bool> rename_path(const std::filesystem::path& from, const std::filesystem::path& to,
                         bool replace) {
  const unsigned flags = replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return true;
  if (!replace && errno == EEXIST) return false;
  return system_error(errno, "rename to", to);
}

}  // namespace desa2va::rocks
