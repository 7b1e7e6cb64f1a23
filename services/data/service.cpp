#include "services/data/service.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace desa2va::data {

using messages::Kind;

Service::Service(Rank self, const protocol::Routes& routes, const protocol::RunPlan& plan,
                 DataStage& stage, protocol::Courier& courier)
    : self_(self), routes_(routes), plan_(plan), stage_(stage), courier_(courier) {}

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
  DESA2VA_ASSIGN(const bool made, make_next());
  return worked || made;
}

Result<void> Service::on_control(const transport::Message& message) {
  switch (messages::kind(message)) {
    case Kind::Generation: {
      DESA2VA_ASSIGN(const auto generation, messages::decode<messages::Generation>(message));
      const auto microbatches = static_cast<std::uint64_t>(routes_.microbatches());
      next_ = own_from(generation.restore_step * microbatches);
      end_ = generation.last_step * microbatches;
      return courier_.send_coordinator(messages::Ready{generation.restore_step});
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

Result<bool> Service::make_next() {
  if (next_ >= end_) return false;
  const std::int64_t m = routes_.within_step(next_);
  const Rank mllm = routes_.at(Role::Mllm, m);
  const Rank sam2 = routes_.at(Role::Sam2, m);
  if (courier_.waits(mllm) || courier_.waits(sam2)) return false;
  const std::uint64_t step = routes_.step_of(next_);
  const Phase phase = plan_.phase(step);
  auto made = [&] {
    auto span = courier_.tracer().span(tracing::Span::Pack, next_);
    return stage_.make(phase, plan_.stream_index(next_));
  }();
  if (!made) return std::move(made.error()).in(fmt::format("microbatch {}", next_));
  const protocol::Stamp stamp{phase, step, next_, false};
  DESA2VA_TRY(tell(*made, next_));
  DESA2VA_TRY(courier_.send(mllm, made->batch, stamp));
  DESA2VA_TRY(courier_.send(sam2, made->frames, stamp));
  next_ = own_from(next_ + 1);
  return true;
}

Result<void> Service::tell(const Microbatch& made, std::uint64_t global) {
  for (const Substitution& event : made.substitutions) {
    const nlohmann::json json = {{"microbatch", global},
                                 {"dataset", event.dataset},
                                 {"key", event.key},
                                 {"reason", event.reason},
                                 {"substitute", event.substitute}};
    DESA2VA_TRY(courier_.send_coordinator(messages::Event{
        "substitute", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}));
  }
  return {};
}

}  // namespace desa2va::data
