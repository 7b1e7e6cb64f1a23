#include "services/sam2/stage.h"

#include <algorithm>
#include <map>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include "common/models/desa2va/segmenter.h"
#include "common/preprocess/masks/bits.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/training/state/options.h"

namespace desa2va::sam2 {
namespace {

std::vector<std::int64_t> numbers(const HostTensor& tensor) {
  const auto values = tensor.values<std::int64_t>();
  return {values.begin(), values.end()};
}

// (sum rows, size, size) float targets of all samples (phase A: of all objects).
at::Tensor targets_of(const messages::Frames& frames, const Config& config) {
  const std::int64_t size = config.model.sam2.mask_size();
  std::vector<at::Tensor> rows = {at::zeros({0, size, size}, at::kFloat)};
  for (const messages::Masks& masks : frames.masks) {
    HostTensor pixels =
        HostTensor::empty(DType::U8, {masks.bits.dim(0), masks.height, masks.width});
    const auto packed = masks.bits.values<std::uint8_t>();
    const auto out = pixels.mutable_values<std::uint8_t>();
    const auto width = static_cast<std::size_t>(masks.width);
    const std::size_t row_bytes = preprocess::packed_size(width);
    for (std::size_t row = 0; width > 0 && row < packed.size() / row_bytes; ++row)
      preprocess::unpack_bits(packed.subspan(row * row_bytes, row_bytes),
                              out.subspan(row * width, width));
    rows.push_back(models::resize_masks(tensor::from_host(pixels), size, config.centered_masks));
  }
  return at::cat(rows).to(at::Device(config.device));
}

}  // namespace

struct Stage::Impl {
  explicit Impl(const Config& c)
      : config(c), model(c.model, models::ModelParts::of(c.preset_name)), state(prepare()) {}

  training::TrainedState prepare() {
    model.initialise(config.seed);
    const auto trains = [this](const std::string& name, Phase phase) {
      return parameters::trains(name, config.model, config.preset, phase);
    };
    return training::make_state(
        model.named_state(), trains, config.train, config.device,
        [this](const std::string& device, at::ScalarType type) { model.to(device, type); });
  }

  at::Tensor on_device(const HostTensor& host) const {
    return tensor::from_host(host, config.device);
  }
  // A prompt that gradients come back for; undefined where it has no rows for this preset or phase.
  at::Tensor leaf(const HostTensor& prompt, bool present) const {
    return present ? on_device(prompt).clone().requires_grad_(true) : at::Tensor();
  }
  double share() const { return 1.0 / static_cast<double>(config.microbatches); }

  // The features of a microbatch: encoded ahead, or now and with a graph where the encoder trains.
  models::EncodedFrames take_features(std::uint64_t microbatch, const messages::Frames& frames) {
    const auto found = ahead.find(microbatch);
    if (found == ahead.end()) return model.encode(on_device(frames.frames), trains_encoder());
    models::EncodedFrames features = std::move(found->second);
    ahead.erase(found);
    return features;
  }
  bool trains_encoder() const {
    return step.phase == Phase::A && config.model.sam2.train_encoder == "phase_a";
  }

  // Gradients of total / M into the step's; those of `leaves` in their order (zeros where none).
  std::vector<at::Tensor> backward(const at::Tensor& total, const std::vector<at::Tensor>& leaves) {
    std::vector<at::Tensor> inputs = state.trained();
    inputs.insert(inputs.end(), leaves.begin(), leaves.end());
    std::vector<at::Tensor> found =
        tensor::gradients({total}, {at::full_like(total, share())}, inputs);
    std::vector<at::Tensor> of_leaves(found.end() - static_cast<std::ptrdiff_t>(leaves.size()),
                                      found.end());
    found.resize(state.trained().size());
    state.add(found);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (!of_leaves[i].defined()) of_leaves[i] = at::zeros_like(leaves[i]);
    }
    return of_leaves;
  }

  void decode_a(std::uint64_t microbatch, const messages::Frames& frames,
                const messages::Prompts& prompts, Decoded& out);
  void decode_joint(std::uint64_t microbatch, const messages::Frames& frames,
                    const messages::Prompts& prompts, Decoded& out);

  const Config config;
  models::SamSegmenter model;
  training::TrainedState state;
  protocol::OpenStep step;
  std::map<std::uint64_t, models::EncodedFrames> ahead;  // by microbatch
};

Stage::Stage(const Config& config) : impl_(std::make_unique<Impl>(config)) {}
Stage::~Stage() = default;

training::TrainedState& Stage::state() {
  return impl_->state;
}
void Stage::begin_step(const protocol::OpenStep& step) {
  impl_->step = step;
}
bool Stage::encoded(std::uint64_t microbatch) const {
  return impl_->ahead.contains(microbatch);
}
std::int64_t Stage::features_held() const {
  return static_cast<std::int64_t>(impl_->ahead.size());
}

// Frames of B and C wait for the last commit of A where A trains the encoder: until then `step` is
// one of A.
bool Stage::encodes_ahead(Phase phase) const {
  if (impl_->config.model.sam2.train_encoder != "phase_a") return true;
  return phase != Phase::A && impl_->step.step > impl_->config.last_step_of_a;
}

void Stage::encode(std::uint64_t microbatch, const messages::Frames& frames) {
  impl_->ahead.emplace(microbatch, impl_->model.encode(impl_->on_device(frames.frames), false));
}

Decoded Stage::decode(std::uint64_t microbatch, const messages::Frames& frames,
                      const messages::Prompts& prompts) {
  const std::int64_t width = impl_->config.model.sam2.dim;
  Decoded out;
  // Rows without masks get zeros.
  const auto zeros_for = [&](const HostTensor& prompt) {
    return tensor::to_host(at::zeros({prompt.dim(0), width}, at::kFloat));
  };
  out.gradients = {zeros_for(prompts.text), zeros_for(prompts.visual),
                   HostTensor::empty(DType::F32, {0, width}),
                   HostTensor::empty(DType::F32, {0, width})};
  if (impl_->step.phase == Phase::A) {
    out.gradients.real_text = zeros_for(prompts.real_text);
    if (frames.object_frame.dim(0) > 0) impl_->decode_a(microbatch, frames, prompts, out);
    out.losses.samples = static_cast<std::uint32_t>(frames.frames.dim(0));
  } else if (frames.frames.dim(0) > 0 && prompts.visual.dim(0) > 0) {
    impl_->decode_joint(microbatch, frames, prompts, out);
  }
  impl_->ahead.erase(microbatch);
  return out;
}

void Stage::Impl::decode_a(std::uint64_t microbatch, const messages::Frames& frames,
                           const messages::Prompts& prompts, Decoded& out) {
  models::PhaseAInput input{take_features(microbatch, frames), leaf(prompts.real_text, true),
                            numbers(frames.object_frame), numbers(frames.object_text),
                            targets_of(frames, config)};
  const auto result = model.phase_a(
      input, models::counter_points(config.seed, static_cast<std::uint32_t>(microbatch),
                                    config.model.loss));
  for (const auto& [name, value] : result.losses.values)
    out.losses.values.emplace_back(name, value);
  if (!result.losses.total.defined()) return;
  out.losses.values.emplace_back("total", result.losses.total.item<double>());
  out.gradients.real_text = tensor::to_host(backward(result.losses.total, {input.h_r})[0]);
}

void Stage::Impl::decode_joint(std::uint64_t microbatch, const messages::Frames& frames,
                               const messages::Prompts& prompts, Decoded& out) {
  const auto mb = static_cast<std::uint32_t>(microbatch);
  models::JointInput input;
  input.frames = take_features(microbatch, frames);
  input.h_v = leaf(prompts.visual, true);
  input.h_t = leaf(prompts.text, config.preset.decoupler);
  if (config.preset.decoupler) input.h_r = on_device(prompts.real_text);
  const auto samples = numbers(frames.samples);
  const auto objects = numbers(frames.object_counts);
  const auto counts = numbers(frames.frames_per_sample);
  const auto row_sample = numbers(prompts.sample);
  for (std::size_t k = 0; k < samples.size(); ++k)
    input.samples.push_back(
        {std::count(row_sample.begin(), row_sample.end(), samples[k]), objects[k], counts[k]});
  input.entries = models::fix_objects(input.samples, config.model.sam2.fixed_objects,
                                      models::counter_draws(config.seed, mb));
  input.targets = targets_of(frames, config);
  const models::JointOptions options{step.phase,
                                     frames.reprompt && step.phase == Phase::C &&
                                         config.preset.decoupler &&
                                         config.model.decoupler.reprompt_enabled,
                                     false};
  const auto result =
      model.joint(input, options, models::counter_points(config.seed, mb, config.model.loss));
  for (const auto& [name, value] : result.losses.values)
    out.losses.values.emplace_back(name, value);
  if (config.preset.decoupler && step.phase == Phase::C)
    out.losses.values.emplace_back("alpha", result.alpha);
  if (result.v_ref.defined()) out.gradients.reference = tensor::to_host(result.v_ref.detach());
  if (!result.losses.total.defined()) return;
  out.losses.values.emplace_back("total", result.losses.total.item<double>());
  std::vector<at::Tensor> leaves = {input.h_v};
  if (input.h_t.defined()) leaves.push_back(input.h_t);
  const auto gradients = backward(result.losses.total, leaves);
  out.gradients.visual = tensor::to_host(gradients[0]);
  if (input.h_t.defined()) out.gradients.text = tensor::to_host(gradients[1]);
}

messages::NamedNumbers Stage::commit(const protocol::OpenStep& step, double scale) {
  impl_->state.commit(step.learning_rate, scale);
  return {};
}

void Stage::committed(const protocol::OpenStep& step) {
  const bool copies =
      impl_->config.preset.copy_text_decoder || impl_->config.model.sam2.visual_from_text_after_a;
  if (copies && step.step == impl_->config.last_step_of_a)
    impl_->state.copy_values(models::kTextDecoder, models::kVisualDecoder);
}

}  // namespace desa2va::sam2
