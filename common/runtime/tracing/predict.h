#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/runtime/tracing/timeline.h"

// How long a step takes: the queues and routes of a step, played through with the times of its
// stages.
namespace desa2va::tracing {

// Mean seconds of one call; 0 where there was none (phase A has no backward in mllm).
struct StageTimes {
  double data = 0;          // one microbatch: read, decode, pack
  double mllm_forward = 0;  // with the text-only pass
  double mllm_backward = 0;
  double decoupler_forward = 0;
  double decoupler_backward = 0;
  double sam2_encode = 0;  // frames to features, ahead of the prompts
  double sam2_decode = 0;  // prompts to masks, losses and gradients
  double commit = 0;  // of the slowest role, from its last backward on: sums, optimizer, estimators
};

// Of a window that reaches from phase A into B and C: the part from the first forward of mllm there
// on. Phase A does other work.
Window joint_part(const std::vector<Timeline>& timelines, const Window& window);

// The times of the spans of that part. Empty where a role has none.
std::optional<StageTimes> stage_times(const std::vector<Timeline>& timelines, const Window& window);

struct StepShape {
  std::int64_t microbatches = 1;
  std::int64_t data_replicas = 1;
  std::int64_t sam2_replicas = 1;
  std::int64_t mllm_in_flight = 4;  // open microbatches
  std::int64_t sam2_ahead = 4;      // encoded before their prompts come
};

// Seconds of a step in the steady state. Each process does one call at a time by the rules of its
// service (docs/architecture.md, "Order within a service"); messages take no time, and processes do
// not take processors from each other beyond what the measured times already contain. Plays several
// steps and returns the mean of the later ones.
double predict_step(const StageTimes& times, const StepShape& shape);

}  // namespace desa2va::tracing
