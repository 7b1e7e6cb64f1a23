#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"

namespace desa2va::config {

// How a model answers, where a command line wants it otherwise than the model's configuration;
// names are the options'.
struct Overrides {
  std::string video_mode;     // "": infer.video_mode
  std::string mllm_frames;    // "": infer.mllm_frames
  std::string sam2_original;  // "": infer.sam2_original
  std::optional<std::int64_t> max_new_tokens;
};

// InvalidArgument (exit 2) names the option, its value and what is allowed.
Result<void> apply(const Overrides& overrides, Config& config);

}  // namespace desa2va::config
