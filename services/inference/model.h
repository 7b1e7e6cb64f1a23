#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/config/config.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "common/models/desa2va/segmenter.h"
#include "common/storage/checkpoint/checkpoint_reader.h"

namespace desa2va::inference {

// The whole model in one process, without gradients: what a checkpoint holds, or the first weights
// of a seed. Belongs to one thread; throws.
class Model {
 public:
  // `img_context_id`, `seg_id`: of the tokenizer in use.
  Model(const config::Config& config, std::int64_t img_context_id, std::int64_t seg_id);
  ~Model();

  // Takes every tensor of the checkpoint that the model has; throws naming what is missing.
  void load(const checkpoint::CheckpointReader& reader);

  // Masks of every [SEG] of `batch` on every frame of its sample, frame-major: entry f * n + i is
  // row i on frame f, all (F * n, S/4, S/4). The batch is one sample, laid out as in training.
  models::Prediction predict(const messages::Batch& batch, const messages::Frames& frames);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::inference
