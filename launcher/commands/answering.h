#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/commands/command.h"

namespace desa2va::launcher {

// How a model answers, where a user wants it otherwise than its configuration: options that
// `segment` and `eval --set` have in common.
struct Answering {
  std::string video_mode;     // "": infer.video_mode
  std::string mllm_frames;    // "": infer.mllm_frames
  std::string sam2_original;  // "": infer.sam2_original
  std::optional<std::int64_t> max_new_tokens;
};

void add_answering(CLI::App& command, Answering& answering);
// As desa2va-inference takes them.
void append_words(const Answering& answering, std::vector<std::string>& words);

}  // namespace desa2va::launcher
