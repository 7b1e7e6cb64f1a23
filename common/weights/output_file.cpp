#include "common/weights/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace desa2va::weights {

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile file(path);
  const auto folder = std::filesystem::path(path).parent_path();
  file.descriptor_ =
      ::open(folder.empty() ? "." : folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);
  if (file.descriptor_ < 0) {
    file.descriptor_ =
        ::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    file.named_ = file.descriptor_ >= 0;
  }
  if (file.descriptor_ < 0) return file.failure("create");
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      named_(other.named_),
      path_(std::move(other.path_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (named_) ::unlink(temporary().c_str());
}

Error OutputFile::failure(const char* what) const {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return fail(full ? Errc::Overloaded : Errc::InvalidArgument, "{} {}: {}", what, path_,
              std::strerror(errno));
}

Result<void> OutputFile::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(descriptor_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failure("write");
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> OutputFile::finish() {
  if (::fsync(descriptor_) != 0) return failure("sync");
  if (!named_) {
    const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
    ::unlink(temporary().c_str());  // of a process that was killed between the next two calls
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary().c_str(), AT_SYMLINK_FOLLOW) != 0)
      return failure("name");
    named_ = true;
  }
  if (::rename(temporary().c_str(), path_.c_str()) != 0) return failure("rename");
  ::close(std::exchange(descriptor_, -1));
  return {};
}

Result<void> write_file(const std::string& path, std::string_view content) {
  DESA2VA_ASSIGN(OutputFile file, OutputFile::create(path));
  DESA2VA_TRY(file.write(as_bytes(content)));
  return file.finish();
}

}  // namespace desa2va::weights
