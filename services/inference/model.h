#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/config/config.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "common/models/desa2va/predictor.h"
#include "common/models/mllm/mllm.h"
#include "common/preprocess/image/image.h"
#include "common/storage/checkpoint/checkpoint_reader.h"

namespace desa2va::inference {

// The whole model in one process, without gradients: what a checkpoint holds, or the first weights
// of a seed. Belongs to one thread; throws.
class Model {
 public:
  enum class First : std::uint8_t { Drawn, Unset };  // weights before `load`

  // `img_context_id`, `seg_id`: of the tokenizer in use.
  Model(const config::Config& config, std::int64_t img_context_id, std::int64_t seg_id,
        First first = First::Drawn);
  ~Model();

  // Takes every tensor of the checkpoint that the model has, one by one; throws naming what is
  // missing.
  void load(const checkpoint::CheckpointReader& reader);
  // SAM-2's decoder as it was before training, for KeyframePredictor.
  void load_original(const checkpoint::CheckpointReader& reader);

  // Masks of every [SEG] of `batch` on every frame of its sample, frame-major: entry f * n + i is
  // row i on frame f, all (F * n, S/4, S/4). The batch is one sample, laid out as in training.
  models::Prediction predict(const messages::Batch& batch, const messages::Frames& frames);

  // Greedy answer; see Mllm::generate.
  models::MllmGenerated answer(const std::vector<std::int64_t>& ids,
                               const std::vector<preprocess::Image>& tiles,
                               std::int64_t max_new_tokens,
                               const std::vector<std::int64_t>& stop_ids,
                               const std::function<bool(std::int64_t)>& on_token);
  // The mean of the tokens' input embeddings; at least one token.
  std::vector<float> mean_embedding(const std::vector<std::int64_t>& ids);
  // (n, D) states of [SEG] to prompts.
  models::Prompts prompts(const at::Tensor& seg_hidden);
  // Any picture, as SAM-2 sees it.
  models::EncodedFrames encode(const preprocess::Image& image);
  models::SamSegmenter& segmenter();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::inference
