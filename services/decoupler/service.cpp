#include "services/decoupler/service.h"

#include "common/tensor/guarded.h"

namespace desa2va::decoupler {

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
  if (auto* states = std::get_if<messages::SegStates>(&input))
    states_.put(microbatch, std::move(*states), std::move(message));
  else
    gradients_.put(microbatch, std::move(std::get<messages::PromptGradients>(input)),
                   std::move(message));
  return {};
}

Result<bool> Service::work() {
  if (!member_.open()) return false;
  turns_.follow(*member_.open(), routes_, self_);
  // Forward first: it is short, and sam2 waits for it.
  DESA2VA_ASSIGN(const bool went_forth, forward_next());
  if (went_forth) return true;
  return backward_next();
}

Result<bool> Service::forward_next() {
  const auto microbatch = turns_.next_forward();
  if (!microbatch) return false;
  const Rank sam2 = routes_.at(Role::Sam2, routes_.within_step(*microbatch));
  const auto* states = states_.find(*microbatch);
  if (states == nullptr || courier_.waits(sam2)) return false;
  auto prompts = [&] {
    auto span = courier_.tracer().span(Span::DecouplerForward, *microbatch);
    return tensor::guarded([&] {
      tensor::set_threads(config_.threads);
      return stage_.forward(*microbatch, *states);
    });
  }();
  if (!prompts)
    return std::move(prompts.error()).in(fmt::format("forward of microbatch {}", *microbatch));
  states_.erase(*microbatch);
  turns_.forward_done();
  const protocol::OpenStep& step = *member_.open();
  DESA2VA_TRY(courier_.send(sam2, *prompts, {step.phase, step.step, *microbatch, false}));
  return true;
}

// With `adv.order=before` nothing goes back until everything of the step has come: only then are
// all features there that the estimators learn from. False: something is missing yet.
Result<bool> Service::learned_first() {
  if (!stage_.learns_first() || learned_from_ == turns_.step()) return true;
  std::vector<Stage::Returned> all;
  for (const std::uint64_t microbatch : turns_.own()) {
    const auto* gradients = gradients_.find(microbatch);
    if (gradients == nullptr) return false;
    all.push_back({microbatch, gradients});
  }
  auto span = courier_.tracer().span(Span::DecouplerBackward, all.front().microbatch);
  DESA2VA_TRY(tensor::guarded([&] {
                tensor::set_threads(config_.threads);
                stage_.learn_first(all);
              }).in("estimators"));
  learned_from_ = turns_.step();
  return true;
}

Result<bool> Service::backward_next() {
  const auto microbatch = turns_.next_backward();
  const auto* gradients = microbatch ? gradients_.find(*microbatch) : nullptr;
  if (gradients == nullptr) return false;
  DESA2VA_ASSIGN(const bool ready, learned_first());
  if (!ready) return false;
  auto result = [&] {
    auto span = courier_.tracer().span(Span::DecouplerBackward, *microbatch);
    return tensor::guarded([&] {
      tensor::set_threads(config_.threads);
      return stage_.backward(*microbatch, *gradients);
    });
  }();
  if (!result)
    return std::move(result.error()).in(fmt::format("backward of microbatch {}", *microbatch));
  gradients_.erase(*microbatch);
  turns_.backward_done();
  const protocol::OpenStep& step = *member_.open();
  if (step.phase != Phase::A)
    DESA2VA_TRY(courier_.send(routes_.at(Role::Mllm, routes_.within_step(*microbatch)),
                              result->gradients, {step.phase, step.step, *microbatch, true}));
  if (!result->losses.values.empty())
    DESA2VA_TRY(member_.report(*microbatch, result->losses));
  member_.microbatch_done();
  return true;
}

}  // namespace desa2va::decoupler
