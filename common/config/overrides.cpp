#include "common/config/overrides.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/ranges.h>

namespace desa2va::config {
namespace {

Result<void> choose(std::string_view option, const std::string& value,
                    const std::vector<std::string_view>& allowed, std::string& into) {
  if (value.empty()) return {};
  if (std::ranges::find(allowed, value) == allowed.end())
    return fail(Errc::InvalidArgument, "--{}={}: allowed are {}", option, value,
                fmt::join(allowed, ", "))
        .with_exit(ExitCode::Usage);
  into = value;
  return {};
}

}  // namespace

Result<void> apply(const Overrides& overrides, Config& config) {
  auto& infer = config.infer;
  DESA2VA_TRY(choose("video-mode", overrides.video_mode, {"sa2va", "consistent", "every_frame"},
                     infer.video_mode));
  DESA2VA_TRY(
      choose("mllm-frames", overrides.mllm_frames, {"first5", "uniform5"}, infer.mllm_frames));
  if (!overrides.sam2_original.empty()) infer.sam2_original = overrides.sam2_original;
  if (overrides.max_new_tokens) infer.max_new_tokens = *overrides.max_new_tokens;
  return {};
}

}  // namespace desa2va::config
