#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "services/inference/score.h"

namespace desa2va::inference {

struct EvaluationRequest {
  std::string run_dir;
  std::optional<std::uint64_t> step;    // of a checkpoint; empty: the newest
  std::optional<std::int64_t> samples;  // empty: eval.samples
  bool draw = true;
};

// Scores a checkpoint on the held-out samples of eval.mixture, each branch of the model, beside the
// same model untrained and two answers that look at no text: the largest object, and everything.
// Writes `eval` into report.json and drawings into RUN/eval/. The questions are given with their
// answers' words (templates around [SEG]): what is scored is which object is meant and where it is.
Result<void> evaluate(const config::Config& config, const EvaluationRequest& request);

}  // namespace desa2va::inference
