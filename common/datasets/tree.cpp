#include "common/datasets/tree.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace desa2va::datasets {

namespace fs = std::filesystem;

Result<fs::path> DataTree::below(std::string_view path) const {
  const fs::path relative = fs::path(path).lexically_normal();
  const bool climbs = !relative.empty() && *relative.begin() == "..";
  if (relative.is_absolute() || climbs || path.find('\0') != std::string_view::npos)
    return fail(Errc::InvalidArgument, "path '{}' leaves the data folder {}", path, root_.string());
  return root_ / relative;
}

bool DataTree::has(std::string_view path) const {
  const auto full = below(path);
  std::error_code ignored;
  return full && fs::exists(*full, ignored);
}

std::optional<FileStamp> DataTree::stamp(std::string_view path) const {
  const auto full = below(path);
  struct stat info {};
  if (!full || ::stat(full->c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileStamp{static_cast<std::uint64_t>(info.st_size),
                   info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

Result<Buffer> DataTree::read(std::string_view path) const {
  DESA2VA_ASSIGN(const fs::path full, below(path));
  std::error_code error;
  const auto size = fs::file_size(full, error);  // fails for all that is no ordinary file
  if (error) return fail(Errc::NotFound, "missing file: {}", full.string());
  std::ifstream file(full, std::ios::binary);
  if (!file) return fail(Errc::Unavailable, "unreadable file: {}", std::strerror(errno));
  Buffer bytes = Buffer::allocate(size);
  file.read(reinterpret_cast<char*>(bytes.mutable_bytes().data()),
            static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(file.gcount()) != size)
    return fail(Errc::Corrupt, "{} of {} bytes could be read", file.gcount(), size);
  return bytes;
}

}  // namespace desa2va::datasets
