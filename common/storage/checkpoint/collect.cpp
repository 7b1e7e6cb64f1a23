#include "common/storage/checkpoint/collect.h"

#include <algorithm>

#include "common/storage/checkpoint/layout.h"
#include "common/storage/rocks/files.h"

namespace desa2va::checkpoint {

Result<void> collect_parts(const std::filesystem::path& parts, const std::set<std::string>& named,
                           std::uint64_t last_step, GcReport& report) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parts, error)) {
    const auto name = entry.path().filename().string();
    const auto step = step_of_part(name);
    if (!step || *step > last_step || named.contains(name)) continue;
    std::error_code failed;
    const auto bytes = entry.file_size(failed);
    std::filesystem::remove(entry.path(), failed);
    if (failed) return rocks::system_error(failed.value(), "remove", entry.path());
    report.parts.push_back(name);
    report.bytes += bytes;
  }
  if (error) return rocks::system_error(error.value(), "list", parts);
  std::sort(report.parts.begin(), report.parts.end());
  return {};
}

}  // namespace desa2va::checkpoint
