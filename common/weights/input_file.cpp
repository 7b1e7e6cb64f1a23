#include "common/weights/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace desa2va::weights {

Result<InputFile> InputFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(errno == ENOENT ? Errc::NotFound : Errc::InvalidArgument, "open {}: {}", path,
                std::strerror(errno));
  }
  InputFile file;
  file.path_ = path;
  file.descriptor_ = std::shared_ptr<const int>(new int(descriptor), [](const int* owned) {
    ::close(*owned);
    delete owned;
  });
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(Errc::InvalidArgument, "{} is not a regular file", path);
  }
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile InputFile::over(Buffer bytes, std::string name) {
  InputFile file;
  file.path_ = std::move(name);
  file.size_ = bytes.size();
  file.bytes_ = std::move(bytes);
  return file;
}

Result<void> InputFile::read(std::uint64_t offset, MutableByteSpan out) const {
  if (descriptor_ == nullptr) {
    if (offset > size_ || out.size() > size_ - offset)
      return fail(Errc::Corrupt, "{} ends before byte {}", path_, offset + out.size());
    std::copy_n(bytes_.data() + offset, out.size(), out.data());
    return {};
  }
  while (!out.empty()) {
    const auto got = ::pread(*descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Errc::Unavailable, "read {} at byte {}: {}", path_, offset, std::strerror(errno));
    }
    if (got == 0) {
      return fail(Errc::Corrupt, "{} ends before byte {}", path_, offset + out.size());
    }
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Result<Buffer> InputFile::read(std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset) {
    return fail(Errc::Corrupt, "{} has {} bytes, {} are wanted from byte {}", path_, size_, size,
                offset);
  }
  Buffer buffer = Buffer::allocate(size);
  DESA2VA_TRY(read(offset, buffer.mutable_bytes()));
  return buffer;
}

}  // namespace desa2va::weights
