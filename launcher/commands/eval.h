#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace desa2va::launcher {

struct EvalRequest {
  std::string run_dir;                       // absolute, without a slash at the end
  std::optional<std::uint64_t> step = {};    // of a checkpoint; empty: the newest
  std::optional<std::int64_t> samples = {};  // empty: eval.samples
  bool draw = true;
};

// Scores a checkpoint of the run with the program desa2va-inference, which writes its figures into
// report.json (`eval`) and its drawings into RUN/eval/; returns when it has ended. Failures carry
// that program's reason.
Result<void> evaluate(const EvalRequest& request);

}  // namespace desa2va::launcher
