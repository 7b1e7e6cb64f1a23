#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/overrides.h"

namespace desa2va::inference {

// What `desa2va segment` asks for; names are the options'.
struct SegmentRequest {
  std::string model;  // run directory, or what `desa2va ckpt import` made
  std::optional<std::uint64_t> step;
  std::string image, video;  // one of them
  std::vector<std::string> texts;
  std::string out = "segment";
  std::string ask = "auto";
  std::string branch;            // "" : fused where the model has a text branch
  std::optional<bool> reprompt;  // empty: reprompt.enabled
  config::Overrides how;
  std::int64_t max_objects = 255;
  std::int64_t threads = 0;  // 0: all cores
  bool overlay = true;
  bool json = false;
};

// Answers each text about the picture or video and writes the masks of every [SEG] of the answers
// (docs/inference.md). Words of the answers go to standard output as they come, or to standard
// error with `json`, which puts one document on standard output. `stopped` is asked between tokens
// and between frames; true ends with Cancelled, and no unfinished file stays.
Result<void> segment(const SegmentRequest& request, const std::function<bool()>& stopped);

}  // namespace desa2va::inference
