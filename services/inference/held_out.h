#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "services/inference/score.h"

namespace desa2va::inference {

// One held-out sample with everything that scoring and drawing need.
struct Question {
  std::string name;       // "refsav/val/sav_900001"
  messages::Batch batch;  // the sample as in training: its answers are templates with [SEG]
  messages::Frames frames;
  std::vector<std::string> texts;          // the sentence of each [SEG]
  std::vector<std::string> needs;          // what each needs to be understood; "" when unknown
  std::vector<std::size_t> named;          // the object each names
  int width = 0, height = 0;               // of the masks
  std::vector<std::vector<Mask>> objects;  // [frame][object], every object of the scene
};

// Hands the first `samples` usable samples of eval.mixture to `take`, members in turn; sentences
// and frames are drawn by counters, so every evaluation asks the same. Stops at the first failure.
Result<void> each_question(const config::Config& config, std::int64_t samples,
                           const std::function<Result<void>(const Question&)>& take);

}  // namespace desa2va::inference
