#include "services/data/service.h"

#include <unistd.h>

namespace desa2va::data {

using messages::Kind;

namespace {

LookAhead::Limits limits_of(const config::Config& config) {
  const auto& data = config.service(Role::Data);
  const std::int64_t by_mode = config.run.mode == config::RunMode::Monolith ? 0 : 2;
  return {static_cast<int>(data.workers.value_or(by_mode)),
          static_cast<std::size_t>(config.data.read_ahead),
          static_cast<std::size_t>(data.look_ahead_bytes)};
}

}  // namespace

Service::Service(Rank self, const config::Config& config, const protocol::Routes& routes,
                 const protocol::RunPlan& plan, DataStage& stage, protocol::Courier& courier,
                 const Clock& clock, std::function<void()> wake)
    : self_(self),
      routes_(routes),
      plan_(plan),
      stage_(stage),
      courier_(courier),
      clock_(clock),
      ahead_([&stage](const Plan& what) { return stage.assemble(what); }, limits_of(config),
             std::move(wake)) {
  since_.at_ns = clock_.now_ns();
}

Result<void> Service::start(std::vector<std::pair<std::string, std::string>> facts) {
  return courier_.send_coordinator(
      messages::Hello{self_, static_cast<std::uint32_t>(::getpid()), std::move(facts)});
}

Result<bool> Service::pump() {
  DESA2VA_ASSIGN(bool worked, courier_.flush());
  while (true) {
    DESA2VA_ASSIGN(auto arrival, courier_.next());
    if (!arrival) break;
    DESA2VA_TRY(on_control(arrival->message));
    worked = true;
  }
  if (finished_) return true;
  DESA2VA_TRY(plan_ahead());
  DESA2VA_ASSIGN(const bool sent, send_next());
  return worked || sent;
}

Result<void> Service::on_control(const transport::Message& message) {
  switch (messages::kind(message)) {
    case Kind::Generation: {
      DESA2VA_ASSIGN(const auto generation, messages::decode<messages::Generation>(message));
      const auto microbatches = static_cast<std::uint64_t>(routes_.microbatches());
      next_ = planned_ = own_from(generation.restore_step * microbatches);
      end_ = generation.last_step * microbatches;
      return courier_.send_coordinator(messages::Ready{generation.restore_step});
    }
    case Kind::Unusable: {
      DESA2VA_ASSIGN(const auto unusable, messages::decode<messages::Unusable>(message));
      stage_.avoid(unusable.samples);
      return {};
    }
    case Kind::Stop:
      finished_ = true;
      return {};
    default:
      return fail(Errc::Corrupt, "data does not understand {}", name(messages::kind(message)));
  }
}

std::uint64_t Service::own_from(std::uint64_t global) const {
  while (!routes_.mine(self_, routes_.within_step(global))) ++global;
  return global;
}

Result<void> Service::plan_ahead() {
  while (planned_ < end_ && ahead_.wants()) {
    DESA2VA_ASSIGN(Plan plan, stage_.plan(plan_.phase(routes_.step_of(planned_)),
                                          plan_.stream_index(planned_), planned_));
    ahead_.add(std::move(plan));
    planned_ = own_from(planned_ + 1);
  }
  return {};
}

Result<bool> Service::send_next() {
  if (next_ >= end_) return false;
  const std::int64_t m = routes_.within_step(next_);
  const Rank mllm = routes_.at(Role::Mllm, m);
  const Rank sam2 = routes_.at(Role::Sam2, m);
  if (courier_.waits(mllm) || courier_.waits(sam2)) return false;
  auto made = ahead_.take();
  if (!made) return std::move(made.error()).in(fmt::format("microbatch {}", next_));
  if (!*made) return false;
  const Plan& plan = (*made)->plan;
  const std::uint64_t step = routes_.step_of(plan.number);
  const protocol::Stamp stamp{plan.phase, step, plan.number, false};
  DESA2VA_TRY(tell(**made, stamp));
  DESA2VA_TRY(courier_.send(mllm, (*made)->microbatch.batch, stamp));
  DESA2VA_TRY(courier_.send(sam2, (*made)->microbatch.frames, stamp));
  next_ = own_from(next_ + 1);
  if (next_ >= end_ || routes_.step_of(next_) != step) DESA2VA_TRY(tell_figures(step));
  return true;
}

Result<void> Service::tell(const LookAhead::Made& made, const protocol::Stamp& stamp) {
  since_.samples += made.microbatch.samples;
  since_.tokens += made.microbatch.tokens();
  const LookAhead::Figures ahead = ahead_.figures();
  courier_.tracer().counter(tracing::Counter::QueueDepth, static_cast<double>(ahead.ready),
                            made.plan.number);
  courier_.tracer().counter(tracing::Counter::InFlightBytes, static_cast<double>(ahead.bytes),
                            made.plan.number);
  for (const messages::Replaced& replaced : made.microbatch.replaced)
    DESA2VA_TRY(courier_.send_coordinator(replaced, stamp));
  return {};
}

// What happened since the last word: after the last microbatch of each step.
Result<void> Service::tell_figures(std::uint64_t step) {
  const MediaFigures media = stage_.media();
  const LookAhead::Figures ahead = ahead_.figures();
  const std::int64_t now = clock_.now_ns();
  const messages::Figures figures{{
      {"samples", static_cast<double>(since_.samples)},
      {"tokens", static_cast<double>(since_.tokens)},
      {"decoded", static_cast<double>(media.decoded - since_.media.decoded)},
      {"decode_ms", static_cast<double>(media.decode_ns - since_.media.decode_ns) * 1e-6},
      {"cache_hits", static_cast<double>(media.hits - since_.media.hits)},
      {"late", static_cast<double>(ahead.late - since_.late)},
      {"seconds", static_cast<double>(now - since_.at_ns) * 1e-9},
      {"ready", static_cast<double>(ahead.ready)},
      {"ahead", static_cast<double>(ahead.ahead)},
      {"ready_bytes", static_cast<double>(ahead.bytes)},
  }};
  since_ = {now, 0, 0, ahead.late, media};
  return courier_.send_coordinator(figures, {plan_.phase(step), step, 0, false});
}

}  // namespace desa2va::data
