#include "launcher/run/step_time.h"

#include "common/runtime/tracing/explain.h"
#include "common/runtime/tracing/predict.h"

namespace desa2va::launcher {

std::optional<StepTime> step_time_of(const config::Config& config) {
  if (!config.trace.enabled || config.run.mode != config::RunMode::Processes) return std::nullopt;
  const auto rings = tracing::open_rings(config.run.dir);
  if (!rings) return std::nullopt;
  std::vector<tracing::Timeline> timelines;
  for (const tracing::RingReader& ring : *rings) timelines.push_back(tracing::timeline_of(ring));
  const tracing::Window window = tracing::common_window(timelines);
  const auto times = tracing::stage_times(timelines, window);
  const tracing::Explanation explanation =
      tracing::explain(timelines, tracing::joint_part(timelines, window).seconds());
  if (!times || explanation.step_seconds <= 0) return std::nullopt;
  return StepTime{
      explanation.step_seconds,
      tracing::predict_step(
          *times, {config.train.micro_batches, config.service(Role::Data).replicas,
                   config.service(Role::Sam2).replicas, config.service(Role::Mllm).in_flight,
                   config.service(Role::Sam2).in_flight})};
}

}  // namespace desa2va::launcher
