#include "services/mllm/service.h"

#include "common/tensor/guarded.h"

namespace desa2va::mllm {

using tracing::Span;

Service::Service(Rank self, const Config& config, const protocol::Routes& routes, Stage& stage,
                 training::Replica& replica, protocol::Courier& courier)
    : self_(self),
      config_(config),
      routes_(routes),
      stage_(stage),
      courier_(courier),
      member_(self, routes, courier, replica) {}

Result<void> Service::start(std::vector<std::pair<std::string, std::string>> facts) {
  return member_.hello(std::move(facts));
}

Result<bool> Service::pump() {
  return protocol::pump_member(
      courier_, member_, [this](transport::Message message) { return take(std::move(message)); },
      [this] { return work(); });
}

Result<void> Service::take(transport::Message message) {
  const std::uint64_t microbatch = message.envelope.microbatch;
  auto span = courier_.tracer().span(Span::Decode, microbatch);
  DESA2VA_ASSIGN(Input input, decode(message));
  if (auto* batch = std::get_if<messages::Batch>(&input))
    batches_.put(microbatch, std::move(*batch), std::move(message));
  else
    gradients_.put(microbatch, std::move(std::get<messages::SegGradients>(input)),
                   std::move(message));
  return {};
}

Result<bool> Service::work() {
  if (!member_.open()) return false;
  turns_.follow(*member_.open(), routes_, self_);
  // Backward first: it frees a place in flight and brings the step to its end.
  DESA2VA_ASSIGN(const bool went_back, backward_next());
  if (went_back) return true;
  return forward_next();
}

Result<bool> Service::backward_next() {
  const auto microbatch = turns_.next_backward();
  const auto* gradients = microbatch ? gradients_.find(*microbatch) : nullptr;
  if (gradients == nullptr) return false;
  auto span = courier_.tracer().span(Span::MllmBackward, *microbatch);
  DESA2VA_TRY(tensor::guarded([&] {
                tensor::set_threads(config_.threads);
                stage_.backward(*microbatch, *gradients);
              }).in(fmt::format("backward of microbatch {}", *microbatch)));
  gradients_.erase(*microbatch);
  turns_.backward_done();
  member_.microbatch_done();
  return true;
}

Result<bool> Service::forward_next() {
  const auto microbatch = turns_.next_forward();
  if (!microbatch || turns_.in_flight() >= config_.in_flight) return false;
  const Rank decoupler = routes_.at(Role::Decoupler, routes_.within_step(*microbatch));
  const auto* batch = batches_.find(*microbatch);
  if (batch == nullptr || courier_.waits(decoupler)) return false;
  const protocol::OpenStep step = *member_.open();
  auto forwarded = [&] {
    auto span = courier_.tracer().span(step.phase == Phase::A ? Span::MllmText : Span::MllmForward,
                                       *microbatch);
    return tensor::guarded([&] {
      tensor::set_threads(config_.threads);
      return stage_.forward(*microbatch, *batch);
    });
  }();
  if (!forwarded)
    return std::move(forwarded.error()).in(fmt::format("forward of microbatch {}", *microbatch));
  batches_.erase(*microbatch);
  turns_.forward_done();
  DESA2VA_TRY(
      courier_.send(decoupler, forwarded->states, {step.phase, step.step, *microbatch, false}));
  if (!forwarded->losses.values.empty())
    DESA2VA_TRY(member_.report(*microbatch, forwarded->losses));
  if (step.phase == Phase::A) {  // nothing comes back
    turns_.backward_done();
    member_.microbatch_done();
  }
  return true;
}

}  // namespace desa2va::mllm
