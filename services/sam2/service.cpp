#include "services/sam2/service.h"

#include "common/tensor/guarded.h"

namespace desa2va::sam2 {

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
  if (auto* frames = std::get_if<messages::Frames>(&input)) {
    if (frames->frames.dim(0) > 0) to_encode_.emplace(microbatch, message.envelope.phase);
    frames_.put(microbatch, std::move(*frames), std::move(message));
  } else {
    prompts_.put(microbatch, std::move(std::get<messages::Prompts>(input)), std::move(message));
  }
  return {};
}

Result<bool> Service::work() {
  if (member_.open()) {
    turns_.follow(*member_.open(), routes_, self_);
    DESA2VA_ASSIGN(const bool decoded, decode_next());
    if (decoded) return true;
  }
  return encode_ahead();
}

Result<bool> Service::decode_next() {
  const auto microbatch = turns_.next_backward();
  const auto* prompts = microbatch ? prompts_.find(*microbatch) : nullptr;
  const auto* frames = microbatch ? frames_.find(*microbatch) : nullptr;
  if (prompts == nullptr || frames == nullptr) return false;
  auto decoded = [&] {
    auto span = courier_.tracer().span(Span::Sam2Decode, *microbatch);
    return tensor::guarded([&] {
      tensor::set_threads(config_.threads);
      return stage_.decode(*microbatch, *frames, *prompts);
    });
  }();
  if (!decoded)
    return std::move(decoded.error()).in(fmt::format("decode microbatch {}", *microbatch));
  prompts_.erase(*microbatch);
  frames_.erase(*microbatch);
  to_encode_.erase(*microbatch);
  turns_.forward_done();
  turns_.backward_done();
  const protocol::OpenStep& step = *member_.open();
  DESA2VA_TRY(courier_.send(routes_.at(Role::Decoupler, routes_.within_step(*microbatch)),
                            decoded->gradients, {step.phase, step.step, *microbatch, true}));
  if (!decoded->losses.values.empty())
    DESA2VA_TRY(member_.report(*microbatch, decoded->losses));
  member_.microbatch_done();
  return true;
}

Result<bool> Service::encode_ahead() {
  if (!member_.ready() || to_encode_.empty() || stage_.features_held() >= config_.ahead)
    return false;
  const auto [microbatch, phase] = *to_encode_.begin();
  if (!stage_.encodes_ahead(phase)) return false;
  const auto* frames = frames_.find(microbatch);
  {
    auto span = courier_.tracer().span(Span::Sam2Encode, microbatch);
    DESA2VA_TRY(tensor::guarded([&, microbatch = microbatch] {
                  tensor::set_threads(config_.threads);
                  stage_.encode(microbatch, *frames);
                }).in(fmt::format("encode frames of microbatch {}", microbatch)));
  }
  to_encode_.erase(to_encode_.begin());
  return true;
}

}  // namespace desa2va::sam2
