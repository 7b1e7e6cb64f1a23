#include "services/mllm/stage.h"

#include <map>
#include <optional>

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include "common/models/mllm/mllm.h"
#include "common/parameters/inventory.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/training/state/options.h"

namespace desa2va::mllm {
namespace {

// The embedding matrix as it was when B started: real texts keep their meaning while it trains.
constexpr const char* kSnapshot = "real_text.embed_tokens";

}  // namespace

struct Stage::Impl {
  explicit Impl(const Config& c)
      : config(c),
        model(c.model.vit, c.model.llm, {c.img_context_id, c.seg_id}),
        state(prepare()) {}

  training::TrainedState prepare() {
    models::initialise_mllm(model, config.model.vit, config.model.llm, config.seed);
    const auto trains = [this](const std::string& name, Phase phase) {
      return parameters::trains(name, config.model, config.preset, phase);
    };
    return training::make_state(
        model.named_tensors(), trains, config.train, config.device,
        [this](const std::string& device, at::ScalarType type) { model.to(device, type); });
  }

  at::Tensor on_device(const HostTensor& host) const {
    return tensor::from_host(host, config.device);
  }

  HostTensor real_text(const messages::Batch& batch) const {
    const std::int64_t width = config.model.llm.hidden_size;
    if (batch.real_text_ids.dim(0) == 0 || (!config.preset.decoupler && phase != Phase::A))
      return HostTensor::empty(DType::F32, {0, width});
    const auto source = config.model.decoupler.real_text_source == "embed_mean"
                            ? models::RealTextSource::EmbedMean
                            : models::RealTextSource::LlmText;
    return tensor::to_host(model.real_text(on_device(batch.real_text_ids),
                                           on_device(batch.real_text_lengths), source, snapshot));
  }

  struct Open {
    at::Tensor loss;
    at::Tensor seg_hidden;
  };

  const Config config;
  models::Mllm model;
  training::TrainedState state;
  Phase phase = Phase::A;
  at::Tensor snapshot;                 // defined from B on
  std::map<std::uint64_t, Open> open;  // by microbatch
};

Stage::Stage(const Config& config) : impl_(std::make_unique<Impl>(config)) {}
Stage::~Stage() = default;

training::TrainedState& Stage::state() {
  return impl_->state;
}
std::int64_t Stage::open() const {
  return static_cast<std::int64_t>(impl_->open.size());
}

void Stage::begin_step(const protocol::OpenStep& step) {
  impl_->phase = step.phase;
  if (step.phase != Phase::A && !impl_->snapshot.defined() &&
      impl_->config.model.decoupler.real_text_embeddings == "snapshot")
    impl_->snapshot = impl_->model.embedding_snapshot();
}

Forwarded Stage::forward(std::uint64_t microbatch, const messages::Batch& batch) {
  Impl& self = *impl_;
  Forwarded out;
  const bool from_answer =
      self.config.model.decoupler.real_text_source == "llm_answer" && self.config.preset.decoupler;
  if (!from_answer) out.states.real_text = self.real_text(batch);
  if (self.phase == Phase::A) {
    out.states.hidden = HostTensor::empty(DType::F32, {0, self.config.model.llm.hidden_size});
    out.states.sample = HostTensor::empty(DType::I64, {0});
    return out;
  }
  const auto tiles = batch.tiles_per_sample.values<std::int64_t>();
  const auto counts = batch.seg_counts.values<std::int64_t>();
  const auto regions = batch.regions_per_sample.values<std::int64_t>();
  const models::MllmInput input{self.on_device(batch.ids),        self.on_device(batch.labels),
                                self.on_device(batch.lengths),    self.on_device(batch.tiles),
                                {tiles.begin(), tiles.end()},     self.on_device(batch.regions),
                                {regions.begin(), regions.end()}, {counts.begin(), counts.end()}};
  const models::DropoutPlan dropout{self.config.model.llm.lora.dropout, self.config.seed,
                                    static_cast<std::uint32_t>(microbatch),
                                    self.config.model.llm.max_length};
  const models::MllmOutput result =
      self.model.forward(input, dropout, self.config.train.activation_checkpointing);
  out.states.hidden = tensor::to_host(result.seg_hidden);
  if (from_answer) out.states.real_text = tensor::to_host(result.before_seg);
  out.states.sample = HostTensor::of<std::int64_t>(
      {static_cast<std::int64_t>(result.seg_sample.size())}, result.seg_sample);
  const double loss = result.loss.item<double>();
  out.losses.values = {{"llm", loss}, {"total", loss}};
  out.losses.samples = static_cast<std::uint32_t>(batch.ids.dim(0));
  self.open.emplace(microbatch, Impl::Open{result.loss, result.seg_hidden});
  return out;
}

void Stage::backward(std::uint64_t microbatch, const messages::SegGradients& gradients) {
  Impl& self = *impl_;
  const auto found = self.open.find(microbatch);
  TORCH_INTERNAL_ASSERT(found != self.open.end(), "no forward of microbatch ", microbatch);
  TORCH_CHECK(gradients.hidden.dim(0) == found->second.seg_hidden.size(0), "gradients for ",
              gradients.hidden.dim(0), " [SEG] states of ", found->second.seg_hidden.size(0));
  const Impl::Open open = std::move(found->second);
  self.open.erase(found);
  const at::Tensor one_of_m =
      at::full({}, 1.0 / static_cast<double>(self.config.microbatches), open.loss.options());
  self.state.add(tensor::gradients({open.loss, open.seg_hidden},
                                   {one_of_m, self.on_device(gradients.hidden)},
                                   self.state.trained()));
}

messages::NamedNumbers Stage::commit(const protocol::OpenStep& step, double scale) {
  impl_->state.commit(step.learning_rate, scale);
  return {};
}

protocol::Snapshot Stage::extra() const {
  protocol::Snapshot snapshot;
  if (impl_->snapshot.defined())
    snapshot.tensors.emplace_back(kSnapshot, tensor::copy_to_host(impl_->snapshot));
  return snapshot;
}

void Stage::restore_extra(const std::map<std::string, HostTensor>& tensors,
                          const std::map<std::string, std::string>&) {
  const auto found = tensors.find(kSnapshot);
  if (found != tensors.end()) impl_->snapshot = impl_->on_device(found->second).clone();
}

}  // namespace desa2va::mllm
