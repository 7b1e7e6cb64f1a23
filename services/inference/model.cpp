#include "services/inference/model.h"

#include <map>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include "common/models/desa2va/decoupler.h"
#include "common/models/mllm/mllm.h"
#include "common/parameters/inventory.h"
#include "common/preprocess/image/resize.h"
#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"

namespace desa2va::inference {
namespace {

models::ModelParts parts_of(const config::Config& config) {
  return models::ModelParts::of(config::has_decoupling(config.preset) ? "desa2va"
                                : config::has_phase_a(config.preset)  ? "baseline_pretrain"
                                                                      : "baseline");
}

// One tensor at a time: the model, and beside it no more than its largest tensor.
void load_part(const models::NamedTensors& into, const checkpoint::CheckpointReader& reader) {
  for (const auto& [name, tensor] : into) {
    auto value = reader.read(name);
    if (!value) throw std::runtime_error(value.error().message());
    models::load({{name, tensor}}, {{name, std::move(*value)}});
  }
}

// Pictures of one size as (n, 3, h, w) bytes.
at::Tensor planes_of(const std::vector<preprocess::Image>& images) {
  std::vector<at::Tensor> all;
  for (const auto& image : images) {
    const auto pixels = image.pixels();
    auto* data = const_cast<std::uint8_t*>(pixels.data());
    all.push_back(
        at::from_blob(data, {image.height, image.width, 3}, at::kByte).permute({2, 0, 1}));
  }
  return at::stack(all, 0).contiguous();  // copies: the pictures may go
}

}  // namespace

struct Model::Impl {
  Impl(const config::Config& c, std::int64_t img_context_id, std::int64_t seg_id, First first)
      : config(c),
        mllm(c.model.vit, c.model.llm, {img_context_id, seg_id}),
        decoupler(c.model, parts_of(c)),
        segmenter(c.model, parts_of(c)) {
    if (first == First::Unset) return;
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

Model::Model(const config::Config& config, std::int64_t img_context_id, std::int64_t seg_id,
             First first)
    : impl_(std::make_unique<Impl>(config, img_context_id, seg_id, first)) {}
Model::~Model() = default;

void Model::load(const checkpoint::CheckpointReader& reader) {
  load_part(impl_->mllm.named_tensors(), reader);
  load_part(impl_->decoupler.named_parameters(), reader);
  load_part(impl_->segmenter.named_state(), reader);
}

void Model::load_original(const checkpoint::CheckpointReader& reader) {
  std::map<std::string, HostTensor> tensors;
  for (const auto& name : impl_->segmenter.original_names()) {
    auto value = reader.read(name);
    if (!value) throw std::runtime_error(value.error().message());
    tensors.emplace(name, std::move(*value));
  }
  impl_->segmenter.keep_original(tensors);
}

models::MllmGenerated Model::answer(const std::vector<std::int64_t>& ids,
                                    const std::vector<preprocess::Image>& tiles,
                                    std::int64_t max_new_tokens,
                                    const std::vector<std::int64_t>& stop_ids,
                                    const std::function<bool(std::int64_t)>& on_token) {
  models::MllmInput input;
  const auto length = static_cast<std::int64_t>(ids.size());
  input.ids = at::tensor(ids, at::kLong).view({1, length});
  input.lengths = at::full({1}, length, at::kLong);
  input.tiles = planes_of(tiles);
  input.tiles_per_sample = {static_cast<std::int64_t>(tiles.size())};
  return impl_->mllm.generate(input, max_new_tokens, stop_ids, on_token);
}

std::vector<float> Model::mean_embedding(const std::vector<std::int64_t>& ids) {
  const auto length = static_cast<std::int64_t>(ids.size());
  const at::Tensor mean =
      impl_->mllm
          .real_text(at::tensor(ids, at::kLong).view({1, length}), at::full({1}, length, at::kLong),
                     models::RealTextSource::EmbedMean)
          .contiguous();
  const auto* values = mean.const_data_ptr<float>();
  return {values, values + mean.numel()};
}

models::Prompts Model::prompts(const at::Tensor& seg_hidden) {
  const tensor::NoGradient no_gradient;
  return impl_->decoupler.forward(seg_hidden, {});
}

models::EncodedFrames Model::encode(const preprocess::Image& image) {
  const int side = static_cast<int>(impl_->config.model.sam2.image_size);
  const bool fits = image.width == side && image.height == side;
  return impl_->segmenter.encode(
      planes_of({fits ? image : preprocess::resize_bicubic(image, side, side)}), false);
}

models::SamSegmenter& Model::segmenter() {
  return impl_->segmenter;
}

models::Prediction Model::predict(const messages::Batch& batch, const messages::Frames& frames) {
  const tensor::NoGradient no_gradient;
  Impl& self = *impl_;
  const auto tiles = batch.tiles_per_sample.values<std::int64_t>();
  const auto counts = batch.seg_counts.values<std::int64_t>();
  const auto states = self.mllm.forward({tensor::from_host(batch.ids),
                                         tensor::from_host(batch.labels),
                                         tensor::from_host(batch.lengths),
                                         tensor::from_host(batch.tiles),
                                         {tiles.begin(), tiles.end()},
                                         {},
                                         {},
                                         {counts.begin(), counts.end()}},
                                        {});
  const bool decoupled = config::has_decoupling(self.config.preset);
  at::Tensor real_text;
  if (decoupled)
    real_text =
        self.config.model.decoupler.real_text_source == "llm_answer"
            ? states.before_seg
            : self.mllm.real_text(tensor::from_host(batch.real_text_ids),
                                  tensor::from_host(batch.real_text_lengths),
                                  self.config.model.decoupler.real_text_source == "embed_mean"
                                      ? models::RealTextSource::EmbedMean
                                      : models::RealTextSource::LlmText,
                                  self.snapshot);
  const models::Prompts prompts = self.decoupler.forward(states.seg_hidden, real_text);
  const models::EncodedFrames encoded =
      self.segmenter.encode(tensor::from_host(frames.frames), false);
  const std::int64_t rows = states.seg_hidden.size(0);
  const std::int64_t count = frames.frames.dim(0);
  std::vector<std::int64_t> frame_index;
  for (std::int64_t f = 0; f < count; ++f)
    frame_index.insert(frame_index.end(), static_cast<std::size_t>(rows), f);
  const auto on_every_frame = [&](const at::Tensor& prompt) {
    return prompt.defined() ? prompt.repeat({count, 1}) : at::Tensor();
  };
  return self.segmenter.predict(encoded, on_every_frame(prompts.h_t),
                                on_every_frame(decoupled ? prompts.h_v : prompts.z), frame_index,
                                self.config.model.decoupler.reprompt_enabled);
}

}  // namespace desa2va::inference
