#include "services/inference/model.h"

#include <map>

#include "common/models/desa2va/decoupler.h"
#include "common/models/mllm/mllm.h"
#include "common/parameters/inventory.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"

namespace desa2va::inference {
namespace {

models::ModelParts parts_of(const config::Config& config) {
  return models::ModelParts::of(config::has_decoupling(config.preset) ? "desa2va"
                                : config::has_phase_a(config.preset)  ? "baseline_pretrain"
                                                                      : "baseline");
}

void load_part(const models::NamedTensors& into, const checkpoint::CheckpointReader& reader) {
  std::map<std::string, HostTensor> values;
  for (const auto& [name, tensor] : into) {
    auto value = reader.read(name);
    if (!value) throw std::runtime_error(value.error().message());
    values.emplace(name, std::move(*value));
  }
  models::load(into, values);
}

}  // namespace

struct Model::Impl {
  Impl(const config::Config& c, std::int64_t img_context_id, std::int64_t seg_id)
      : config(c),
        mllm(c.model.vit, c.model.llm, {img_context_id, seg_id}),
        decoupler(c.model, parts_of(c)),
        segmenter(c.model, parts_of(c)) {
    const auto seed = static_cast<std::uint64_t>(c.run.seed);
    models::initialise_mllm(mllm, c.model.vit, c.model.llm, seed);
    decoupler.initialise(seed);
    segmenter.initialise(seed);
  }

  const config::Config config;
  models::Mllm mllm;
  models::DecouplerModel decoupler;
  models::SamSegmenter segmenter;
  at::Tensor snapshot;  // embeddings of the real texts; undefined before phase B
};

Model::Model(const config::Config& config, std::int64_t img_context_id, std::int64_t seg_id)
    : impl_(std::make_unique<Impl>(config, img_context_id, seg_id)) {}
Model::~Model() = default;

void Model::load(const checkpoint::CheckpointReader& reader) {
  load_part(impl_->mllm.named_tensors(), reader);
  load_part(impl_->decoupler.named_parameters(), reader);
  load_part(impl_->segmenter.named_state(), reader);
}

models::Prediction Model::predict(const messages::Batch& batch, const messages::Frames& frames) {
  const tensor::NoGradient no_gradient;
  Impl& self = *impl_;
  const auto tiles = batch.tiles_per_sample.values<std::int64_t>();
  const auto states = self.mllm.forward(
      {tensor::from_host(batch.ids), tensor::from_host(batch.labels),
       tensor::from_host(batch.lengths), tensor::from_host(batch.tiles), {tiles.begin(), tiles.end()}},
      {});
  const bool decoupled = config::has_decoupling(self.config.preset);
  at::Tensor real_text;
  if (decoupled)
    real_text = self.mllm.real_text(tensor::from_host(batch.real_text_ids),
                                    tensor::from_host(batch.real_text_lengths),
                                    self.config.model.decoupler.real_text_source == "embed_mean"
                                        ? models::RealTextSource::EmbedMean
                                        : models::RealTextSource::LlmText,
                                    self.snapshot);
  const models::Prompts prompts = self.decoupler.forward(states.seg_hidden, real_text);
  const models::EncodedFrames encoded = self.segmenter.encode(tensor::from_host(frames.frames), false);
  const std::int64_t rows = states.seg_hidden.size(0);
  const std::int64_t count = frames.frames.dim(0);
  std::vector<std::int64_t> frame_index;
  for (std::int64_t f = 0; f < count; ++f) frame_index.insert(frame_index.end(), static_cast<std::size_t>(rows), f);
  const auto on_every_frame = [&](const at::Tensor& prompt) {
    return prompt.defined() ? prompt.repeat({count, 1}) : at::Tensor();
  };
  return self.segmenter.predict(encoded, on_every_frame(prompts.h_t),
                                on_every_frame(decoupled ? prompts.h_v : prompts.z), frame_index,
                                self.config.model.decoupler.reprompt_enabled);
}

}  // namespace desa2va::inference
