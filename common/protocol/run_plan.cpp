#include "common/protocol/run_plan.h"

#include <algorithm>

namespace desa2va::protocol {

Result<RunPlan> RunPlan::of(const config::Config& config) {
  if (!config.train.steps)
    return fail(Errc::InvalidArgument,
                "train.steps: absent; give the number of optimizer updates "
                "of all phases, for example train.steps=1000")
        .with_exit(ExitCode::Usage);
  if (config.train.micro_batches % config.train.accumulation != 0)
    return fail(Errc::InvalidArgument,
                "train.micro_batches: {}; allowed: multiples of train.accumulation = {}",
                config.train.micro_batches, config.train.accumulation)
        .with_exit(ExitCode::Usage);
  auto lengths = training::phase_lengths(*config.train.steps, config.phase_a.frac,
                                         config.phase_b.frac, config::has_phase_a(config.preset),
                                         config::has_decoupling(config.preset));
  if (!lengths)
    return std::move(std::move(lengths.error()).in("train.steps").with_exit(ExitCode::Usage));
  RunPlan plan;
  plan.lengths_ = *lengths;
  plan.joint_ = {config.train.lr, config.train.warmup_ratio, 1e-5, config.train.accumulation};
  plan.phase_a_ = plan.joint_;
  plan.phase_a_.lr = config.phase_a.lr.value_or(config.train.lr);
  plan.microbatches_ = static_cast<std::uint64_t>(config.train.micro_batches);
  plan.last_step_ = std::min<std::uint64_t>(
      plan.steps(), static_cast<std::uint64_t>(config.train.stop_after.value_or(lengths->total())));
  return plan;
}

training::StepPlace RunPlan::place(std::uint64_t step) const {
  const bool in_a = step <= static_cast<std::uint64_t>(lengths_.a);
  return training::place(in_a ? phase_a_ : joint_, lengths_, static_cast<std::int64_t>(step));
}

std::vector<std::uint64_t> RunPlan::phase_ends() const {
  std::vector<std::uint64_t> ends;
  std::uint64_t end = 0;
  for (const std::int64_t length : {lengths_.a, lengths_.b, lengths_.c}) {
    if (length > 0) ends.push_back(end += static_cast<std::uint64_t>(length));
  }
  return ends;
}

bool RunPlan::ends_phase(std::uint64_t step) const {
  const auto ends = phase_ends();
  return std::find(ends.begin(), ends.end(), step) != ends.end();
}

std::uint64_t RunPlan::stream_index(std::uint64_t global) const {
  const std::uint64_t in_a = static_cast<std::uint64_t>(lengths_.a) * microbatches_;
  return global < in_a ? global : global - in_a;
}

std::uint64_t RunPlan::position_after(std::uint64_t step) const {
  return static_cast<std::uint64_t>(place(step).index + 1) * microbatches_;
}

}  // namespace desa2va::protocol
