#include "common/weights/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace desa2va::weights {

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile file(-1, path);
  file.descriptor_ =
      ::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file.descriptor_ < 0) return file.failure("create");
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary().c_str());
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
