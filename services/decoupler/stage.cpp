#include "services/decoupler/stage.h"

#include <map>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include "common/models/desa2va/decoupler.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/training/state/options.h"
#include "services/decoupler/adversaries.h"

namespace desa2va::decoupler {
namespace {

// Rows of a prompt that this phase or preset has not.
HostTensor no_rows(std::int64_t width) {
  return HostTensor::empty(DType::F32, {0, width});
}

HostTensor to_rows(const at::Tensor& prompt, std::int64_t width) {
  return prompt.defined() ? tensor::to_host(prompt.detach()) : no_rows(width);
}

}  // namespace

struct Stage::Impl {
  explicit Impl(const Config& c)
      : config(c), model(c.model, models::ModelParts::of(c.preset_name)), state(prepare()) {
    if (config.preset.decoupler) adversaries.emplace(config.model.decoupler, model, config.device);
  }

  training::TrainedState prepare() {
    model.initialise(config.seed);
    const auto trains = [this](const std::string& name, Phase phase) {
      return parameters::trains(name, config.model, config.preset, phase);
    };
    // Everything from the [SEG] states on is float32, whatever the precision (model.md 7).
    return training::make_state(
        model.named_parameters(), trains, config.train, config.device,
        [this](const std::string& device, at::ScalarType) { model.to(device); });
  }

  at::Tensor on_device(const HostTensor& host) const {
    return tensor::from_host(host, config.device);
  }

  struct Open {
    at::Tensor hidden;  // a leaf with gradient; undefined in A
    models::Prompts prompts;
  };

  models::FeatureContext context(const at::Tensor& v_ref) const {
    models::FeatureContext context;
    context.v_ref = v_ref;
    context.grl_lambda = models::grl_lambda(config.model.decoupler.adv, step.progress);
    context.align_weight = models::align_weight(config.model.decoupler, step.progress);
    context.mi_active = adversaries && adversaries->club_ready();
    if (adversaries) {
      context.fifo_t = fifo_t();
      context.fifo_v = fifo_v();
    }
    return context;
  }

  Backward backward_a(const Open& open, const messages::PromptGradients& gradients) {
    state.add(
        tensor::gradients({open.prompts.h_r}, {on_device(gradients.real_text)}, state.trained()));
    return {{no_rows(config.model.llm.hidden_size)}, {}};
  }

  Backward backward_joint(const Open& open, const messages::PromptGradients& gradients);

  // v* of the rows of a microbatch; undefined where sam2 pooled none.
  at::Tensor reference(std::int64_t rows, const messages::PromptGradients& gradients) const {
    return gradients.reference.dim(0) == rows && rows > 0 ? on_device(gradients.reference)
                                                          : at::Tensor();
  }
  void remember(const models::Prompts& prompts, const at::Tensor& v_ref) {
    features.push_back({prompts.h_t.detach(), prompts.h_v.detach(), prompts.h_r.detach(), v_ref});
  }

  // FIFO that the microbatches of the open step meet: as the last step left it, in either order.
  const at::Tensor& fifo_t() const { return before ? before->fifo_t : adversaries->fifo_t(); }
  const at::Tensor& fifo_v() const { return before ? before->fifo_v : adversaries->fifo_v(); }

  const Config config;
  models::DecouplerModel model;
  training::TrainedState state;
  std::optional<Adversaries> adversaries;
  protocol::OpenStep step;
  std::map<std::uint64_t, Open> open;  // by microbatch
  std::vector<Features> features;      // of the open step, in microbatch order
  // Where the estimators learned from the open step already: how they were, what they measured.
  std::optional<Adversaries::Saved> before;
  messages::NamedNumbers measured_before;
};

Stage::Stage(const Config& config) : impl_(std::make_unique<Impl>(config)) {}
Stage::~Stage() = default;

training::TrainedState& Stage::state() {
  return impl_->state;
}

void Stage::begin_step(const protocol::OpenStep& step) {
  impl_->step = step;
  impl_->features.clear();
}

bool Stage::learns_first() const {
  return impl_->adversaries && impl_->step.phase != Phase::A &&
         impl_->config.model.decoupler.adv.order == "before";
}

void Stage::learn_first(const std::vector<Returned>& all) {
  Impl& self = *impl_;
  TORCH_INTERNAL_ASSERT(!self.before, "the estimators learned from this step already");
  for (const auto& [microbatch, gradients] : all) {
    const Impl::Open& open = self.open.at(microbatch);
    const std::int64_t rows = open.hidden.size(0);
    if (rows > 0) self.remember(open.prompts, self.reference(rows, *gradients));
  }
  self.before = self.adversaries->save();
  self.measured_before = self.adversaries->learn(self.features);
}

messages::Prompts Stage::forward(std::uint64_t microbatch, const messages::SegStates& states) {
  Impl& self = *impl_;
  Impl::Open open;
  const bool phase_a = self.step.phase == Phase::A;
  if (!phase_a) open.hidden = self.on_device(states.hidden).clone().requires_grad_(true);
  const at::Tensor real_text =
      phase_a || self.config.preset.decoupler ? self.on_device(states.real_text) : at::Tensor();
  open.prompts = self.model.forward(open.hidden, real_text);
  const std::int64_t width = self.config.model.sam2.dim;
  messages::Prompts out;
  out.text = to_rows(open.prompts.h_t, width);
  out.visual = to_rows(self.config.preset.decoupler ? open.prompts.h_v : open.prompts.z, width);
  out.real_text = to_rows(open.prompts.h_r, width);
  out.sample = states.sample;
  self.open.emplace(microbatch, std::move(open));
  return out;
}

Backward Stage::backward(std::uint64_t microbatch, const messages::PromptGradients& gradients) {
  const auto found = impl_->open.find(microbatch);
  TORCH_INTERNAL_ASSERT(found != impl_->open.end(), "no forward of microbatch ", microbatch);
  const Impl::Open open = std::move(found->second);
  impl_->open.erase(found);
  return impl_->step.phase == Phase::A ? impl_->backward_a(open, gradients)
                                       : impl_->backward_joint(open, gradients);
}

Backward Stage::Impl::backward_joint(const Open& open, const messages::PromptGradients& gradients) {
  const models::Prompts& prompts = open.prompts;
  const std::int64_t rows = open.hidden.size(0);
  TORCH_CHECK(gradients.visual.dim(0) == rows, "gradients for ", gradients.visual.dim(0),
              " prompts of ", rows);
  const at::Tensor v_ref = reference(rows, gradients);
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> cotangents;
  const auto flows = [&](const at::Tensor& prompt, const HostTensor& gradient) {
    if (!prompt.defined() || rows == 0) return;
    outputs.push_back(prompt);
    cotangents.push_back(on_device(gradient));
  };
  if (config.preset.decoupler) {
    flows(prompts.h_t, gradients.text);
    flows(prompts.h_v, gradients.visual);
  } else {
    flows(prompts.z, gradients.visual);
  }
  Backward out;
  const models::FeatureLosses losses = model.feature_losses(prompts, context(v_ref));
  for (const auto& [name, value] : losses.values) out.losses.values.emplace_back(name, value);
  if (losses.total.defined()) {
    out.losses.values.emplace_back("total", losses.total.item<double>());
    outputs.push_back(losses.total);
    cotangents.push_back(
        at::full({}, 1.0 / static_cast<double>(config.microbatches), losses.total.options()));
  }
  std::vector<at::Tensor> inputs = state.trained();
  inputs.push_back(open.hidden);
  std::vector<at::Tensor> found = tensor::gradients(outputs, cotangents, inputs);
  const at::Tensor hidden = found.back().defined() ? found.back() : at::zeros_like(open.hidden);
  found.pop_back();
  state.add(found);
  out.gradients.hidden = tensor::to_host(hidden);
  if (adversaries && rows > 0 && !before) remember(prompts, v_ref);
  return out;
}

messages::NamedNumbers Stage::commit(const protocol::OpenStep& step, double scale) {
  impl_->state.commit(step.learning_rate, scale);
  messages::NamedNumbers measured;
  if (impl_->before)
    measured = std::move(impl_->measured_before);
  else if (impl_->adversaries && step.phase != Phase::A)
    measured = impl_->adversaries->learn(impl_->features);
  impl_->before.reset();
  impl_->features.clear();
  return measured;
}

void Stage::skip() {
  if (impl_->before) impl_->adversaries->take_back(*impl_->before);
  impl_->before.reset();
  impl_->features.clear();
}

protocol::Snapshot Stage::extra() const {
  protocol::Snapshot snapshot;
  if (impl_->adversaries) impl_->adversaries->snapshot(snapshot);
  return snapshot;
}

void Stage::restore_extra(const std::map<std::string, HostTensor>& tensors,
                          const std::map<std::string, std::string>& blobs) {
  if (impl_->adversaries) impl_->adversaries->restore(tensors, blobs);
}

}  // namespace desa2va::decoupler
