#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>

namespace desa2va::test {

// A tmpfs of a few bytes at an existing folder, where the process may mount; unmounted at the end.
class SmallDisk {
 public:
  SmallDisk(const std::filesystem::path& folder, std::uint64_t bytes) : folder_(folder) {
    const auto size = fmt::format("size={}", bytes);
    if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0) {
      reason_ = fmt::format("this process may not mount a tmpfs: {}", std::strerror(errno));
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted()) ::umount2(folder_.c_str(), MNT_DETACH);
  }

  bool mounted() const { return reason_.empty(); }
  const std::string& reason() const { return reason_; }

 private:
  std::filesystem::path folder_;
  std::string reason_;
};

}  // namespace desa2va::test
