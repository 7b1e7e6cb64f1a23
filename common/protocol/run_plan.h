#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/training/schedule/schedule.h"

namespace desa2va::protocol {

// The whole run in numbers, a function of the configuration: how many steps, which phase each step
// belongs to, its learning rate, and which microbatch of the data stream is which. Immutable.
class RunPlan {
 public:
  // InvalidArgument (exit 2): train.steps is absent or too small for the phases.
  static Result<RunPlan> of(const config::Config& config);

  const training::PhaseLengths& lengths() const { return lengths_; }
  std::uint64_t steps() const { return static_cast<std::uint64_t>(lengths_.total()); }
  // Where this run ends: train.stop_after, or the last step.
  std::uint64_t last_step() const { return last_step_; }

  // Phase, learning rate and progress of step s, 1 <= s <= steps().
  training::StepPlace place(std::uint64_t step) const;
  Phase phase(std::uint64_t step) const { return place(step).phase; }

  // The last step of each phase, ascending.
  std::vector<std::uint64_t> phase_ends() const;
  bool ends_phase(std::uint64_t step) const;

  // Position of global microbatch g in the data stream: A counts alone, B and C count on together.
  std::uint64_t stream_index(std::uint64_t global) const;
  // Microbatches since the start of the phase of `step`, after that step: what a checkpoint says.
  std::uint64_t position_after(std::uint64_t step) const;

 private:
  training::PhaseLengths lengths_;
  training::ScheduleConfig phase_a_;
  training::ScheduleConfig joint_;
  std::uint64_t microbatches_ = 1;
  std::uint64_t last_step_ = 0;
};

}  // namespace desa2va::protocol
