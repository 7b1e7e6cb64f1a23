#include "launcher/commands/answering.h"

#include <fmt/format.h>

namespace desa2va::launcher {

void add_answering(CLI::App& command, config::Overrides& how) {
  command
      .add_option("--video-mode", how.video_mode,
                  "sa2va, consistent, every_frame (default: infer.video_mode of the model)")
      ->check(CLI::IsMember({"sa2va", "consistent", "every_frame"}));
  command
      .add_option("--mllm-frames", how.mllm_frames,
                  "frames the language model sees: first5, uniform5 (default: infer.mllm_frames)")
      ->check(CLI::IsMember({"first5", "uniform5"}));
  command.add_option(
      "--sam2-original", how.sam2_original,
      "directory with SAM-2 as before training, for consistent (default: the model's step 0)");
  command
      .add_option("--max-new-tokens", how.max_new_tokens,
                  "tokens of one answer (default: infer.max_new_tokens of the model)")
      ->check(CLI::Range(1, 8192));
}

void append_words(const config::Overrides& how, std::vector<std::string>& words) {
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) words.push_back(fmt::format("--{}={}", name, value));
  };
  add("video-mode", how.video_mode);
  add("mllm-frames", how.mllm_frames);
  add("sam2-original", how.sam2_original);
  if (how.max_new_tokens) add("max-new-tokens", std::to_string(*how.max_new_tokens));
}

}  // namespace desa2va::launcher
