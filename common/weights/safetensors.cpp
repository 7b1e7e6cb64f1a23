#include "common/weights/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/weights/input_file.h"
#include "common/weights/safetensors_header.h"

namespace desa2va::weights {
namespace {

// A mapped file, unmapped with its last reader.
struct Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  ~Mapping() {
    if (address != nullptr) ::munmap(address, size);
  }
};

Result<Buffer> map_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return fail(errno == ENOENT ? Errc::NotFound : Errc::Unavailable, "open {}: {}", path,
                std::strerror(errno));
  }
  struct stat status {};
  auto mapping = std::make_shared<Mapping>();
  Result<Buffer> result = Buffer();
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    result = fail(Errc::InvalidArgument, "{} is not a regular file", path);
  } else if (status.st_size > 0) {
    mapping->size = static_cast<std::size_t>(status.st_size);
    void* address = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, file, 0);
    if (address == MAP_FAILED) {
      result = fail(Errc::Unavailable, "map {}: {}", path, std::strerror(errno));
    } else {
      mapping->address = address;
      result = Buffer::wrap({static_cast<const std::byte*>(address), mapping->size}, mapping);
    }
  }
  ::close(file);
  return result;
}

class SafetensorsSource final : public TensorSource {
 public:
  SafetensorsSource(InputFile file, std::uint64_t data, const SafetensorsHeader& header)
      : file_(std::move(file)) {
    for (const auto& entry : header.entries) {
      tensors_.emplace(entry.name, entry.info);
      begin_.emplace(entry.name, data + entry.begin);
    }
  }
  const std::map<std::string, TensorInfo>& tensors() const override { return tensors_; }
  Result<void> read(const std::string& name, std::uint64_t first,
                    MutableByteSpan out) const override {
    return file_.read(begin_.at(name) + first, out).in(fmt::format("tensor '{}'", name));
  }
  std::string describe() const override { return file_.path(); }

 private:
  const InputFile file_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::uint64_t> begin_;  // in the file
};

}  // namespace

Result<SourcePtr> open_safetensors(const std::string& path) {
  DESA2VA_ASSIGN(InputFile file, InputFile::open(path));
  DESA2VA_ASSIGN(const Buffer first,
                 file.read(0, std::min<std::uint64_t>(kHeaderSizeBytes, file.size())));
  DESA2VA_ASSIGN(const std::uint64_t size, header_size(first.bytes(), file.size()).in(path));
  DESA2VA_ASSIGN(const Buffer text, file.read(kHeaderSizeBytes, size));
  const std::uint64_t data = kHeaderSizeBytes + size;
  DESA2VA_ASSIGN(const auto header,
                 parse_header(as_text(text.bytes()), file.size() - data).in(path));
  return SourcePtr(std::make_unique<SafetensorsSource>(std::move(file), data, header));
}

Result<SafetensorsFile> parse_safetensors(const Buffer& bytes, const std::string& what) {
  DESA2VA_ASSIGN(const std::uint64_t size, header_size(bytes.bytes(), bytes.size()).in(what));
  const std::uint64_t start = kHeaderSizeBytes + size;
  const Buffer data = bytes.slice(start, bytes.size() - start);
  DESA2VA_ASSIGN(
      auto header,
      parse_header(as_text(bytes.bytes().subspan(kHeaderSizeBytes, size)), data.size()).in(what));
  SafetensorsFile file;
  file.metadata = std::move(header.metadata);
  for (auto& entry : header.entries) {
    file.tensors.emplace(entry.name, HostTensor{entry.info.dtype, entry.info.shape,
                                                data.slice(entry.begin, entry.end - entry.begin)});
  }
  return file;
}

Result<SafetensorsFile> read_safetensors(const std::string& path) {
  DESA2VA_ASSIGN(const auto bytes, map_file(path));
  return parse_safetensors(bytes, path);
}

}  // namespace desa2va::weights
