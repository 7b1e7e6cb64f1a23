#include "common/storage/shards/partial_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "common/storage/rocks/files.h"

namespace desa2va::shards {
namespace {

constexpr const char* kLockFile = "lock";

// Closed at the end of its scope.
struct Descriptor {
  explicit Descriptor(int number) : number(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  int number;
};

std::string prefix_of(const std::filesystem::path& target) {
  return "." + target.filename().string() + ".partial-";
}

// The descriptor that holds the lock, or -1 when another one does or the folder is gone.
int take_lock(const std::filesystem::path& dir, int flags) {
  const int lock = ::open((dir / kLockFile).c_str(), O_RDWR | O_CLOEXEC | flags, 0644);
  if (lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return -1;
  }
  return lock;
}

// Holds the folder itself, for the time in which it has no lock file; -1 when another one does, or
// where the file system locks no folders.
int lock_folder(const std::filesystem::path& dir) {
  const int folder = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0 && ::flock(folder, LOCK_EX | LOCK_NB) != 0) {
    ::close(folder);
    return -1;
  }
  return folder;
}

// The same for a folder whose lock file is gone, which is what a writer leaves that dies while it
// publishes: one that lives holds the folder itself then.
int take_unlocked(const std::filesystem::path& dir) {
  const int folder = lock_folder(dir);
  if (folder < 0) return -1;
  const int lock = take_lock(dir, O_CREAT);
  ::close(folder);
  return lock;
}

// What dead writers of `target` left: the first that is adopted, the others removed.
struct Rests {
  std::filesystem::path adopted;
  int lock = -1;
  bool alive = false;  // some writer lives
};

Rests sweep_rests(const std::filesystem::path& target, const PartialDir::Adopt& adopt) {
  Rests rests;
  std::error_code ignored;
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(target.parent_path(), ignored)) {
    if (entry.path().filename().string().rfind(prefix_of(target), 0) == 0)
      folders.push_back(entry.path());
  }
  for (const auto& folder : folders) {
    int lock = take_lock(folder, 0);
    if (lock < 0) {
      // Empty: killed before it had a lock.
      if (::rmdir(folder.c_str()) == 0 || errno != ENOTEMPTY) continue;
      if (!std::filesystem::exists(folder / kLockFile, ignored)) lock = take_unlocked(folder);
    }
    if (lock < 0) {
      rests.alive = true;
      continue;
    }
    if (adopt && rests.lock < 0 && adopt(folder)) {
      rests.adopted = folder;
      rests.lock = lock;
      continue;
    }
    std::filesystem::remove_all(folder, ignored);
    ::close(lock);
  }
  return rests;
}

}  // namespace

PartialDir::PartialDir(PartialDir&& other) noexcept
    : target_(std::move(other.target_)),
      path_(std::exchange(other.path_, {})),
      lock_(std::exchange(other.lock_, -1)),
      adopted_(other.adopted_),
      leave_(other.leave_) {}

PartialDir& PartialDir::operator=(PartialDir&& other) noexcept {
  std::swap(target_, other.target_);
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  std::swap(adopted_, other.adopted_);
  std::swap(leave_, other.leave_);
  return *this;
}

PartialDir::~PartialDir() {
  std::error_code ignored;
  if (!path_.empty() && !leave_) std::filesystem::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

Result<PartialDir> PartialDir::create(const std::filesystem::path& target, const Adopt& adopt) {
  PartialDir partial;
  partial.target_ = std::filesystem::absolute(target).lexically_normal();
  if (!partial.target_.has_filename()) partial.target_ = partial.target_.parent_path();
  DESA2VA_TRY(rocks::make_directories(partial.target_.parent_path()));
  const Rests rests = sweep_rests(partial.target_, adopt);
  if (rests.lock >= 0) {
    partial.path_ = rests.adopted;
    partial.lock_ = rests.lock;
    partial.adopted_ = true;
    return partial;
  }
  if (adopt && rests.alive) {
    return fail(Errc::InvalidArgument,
                "{} is being made by another process: wait for it, or choose another place",
                partial.target_.string());
  }
  // Another writer's cleaning may take the folder before it is locked: then once more.
  for (int attempt = 0; attempt < 16; ++attempt) {
    std::string pattern =
        (partial.target_.parent_path() / (prefix_of(partial.target_) + "XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      return rocks::system_error(errno, "make", pattern);
    }
    ::chmod(pattern.c_str(), 0755);
    partial.lock_ = take_lock(pattern, O_CREAT);
    if (partial.lock_ >= 0) {
      partial.path_ = pattern;
      return partial;
    }
    ::rmdir(pattern.c_str());
  }
  return fail(Errc::Unavailable, "cannot hold a lock beside {}", partial.target_.string());
}

Result<void> PartialDir::publish(bool replace) {
  std::error_code error;
  const Descriptor held(lock_folder(path_));
  std::filesystem::remove(path_ / kLockFile, error);
  if (error) return rocks::system_error(error.value(), "remove", path_ / kLockFile);
  DESA2VA_TRY(rocks::sync_directory(path_));
  DESA2VA_ASSIGN(bool renamed, rocks::rename_path(path_, target_, /*replace=*/false));
  // Over an empty folder a plain rename goes; it fails should the folder have filled.
  if (!renamed && std::filesystem::is_empty(target_, error))
    renamed = std::rename(path_.c_str(), target_.c_str()) == 0;
  if (!renamed && !replace) {
    return fail(Errc::InvalidArgument, "{} exists already: remove it or choose another place",
                target_.string());
  }
  if (!renamed) {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      return rocks::system_error(errno, "exchange with", target_);
    }
    std::filesystem::remove_all(path_, error);  // the older one, under the hidden name now
  }
  path_.clear();
  return rocks::sync_directory(target_.parent_path());
}

}  // namespace desa2va::shards
