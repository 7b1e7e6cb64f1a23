#include "common/storage/checkpoint/layout.h"

#include <charconv>

#include <fmt/format.h>

namespace desa2va::checkpoint {

std::string part_name(std::uint64_t step, std::string_view rank, int attempt) {
  return attempt == 0 ? fmt::format("{:08}-{}.sst", step, rank)
                      : fmt::format("{:08}-{}.{}.sst", step, rank, attempt);
}

std::string temporary_name(std::uint64_t step, std::string_view rank, int pid, unsigned counter) {
  return fmt::format("{:08}-{}.{}-{}.tmp", step, rank, pid, counter);
}

std::optional<std::uint64_t> step_of_part(std::string_view file_name) {
  if (!file_name.ends_with(".sst") && !file_name.ends_with(".tmp")) return std::nullopt;
  std::uint64_t step = 0;
  const char* end = file_name.data() + file_name.size();
  const auto [stop, error] = std::from_chars(file_name.data(), end, step);
  if (error != std::errc() || stop == end || *stop != '-') return std::nullopt;
  return step;
}

}  // namespace desa2va::checkpoint
