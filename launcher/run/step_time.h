#pragma once

#include <optional>
#include <string>

#include "common/config/config.h"

namespace desa2va::launcher {

// Of the stretch that the rings of a run still hold.
struct StepTime {
  double measured = 0;   // seconds of a step
  double predicted = 0;  // from the mean times of its stages (common/runtime/tracing/predict.h)
};

// Empty without traces, in a monolith (its stages take turns), or where too few steps were seen.
std::optional<StepTime> step_time_of(const config::Config& config);

}  // namespace desa2va::launcher
