#pragma once

#include <array>
#include <memory>

#include <torch/nn/module.h>

#include "common/models/sam2/layers.h"

// Points, boxes and masks to the vectors that the mask decoder reads (model 4.3).
namespace desa2va::models::sam2 {

struct PromptEncoderShape {
  std::int64_t dim = 256;
  std::array<std::int64_t, 2> grid = {64, 64};            // h, w of the image embedding
  std::array<std::int64_t, 2> image_size = {1024, 1024};  // h, w in pixels
  std::int64_t mask_in_chans = 16;
};

class PromptEncoder : public torch::nn::Module {
 public:
  explicit PromptEncoder(const PromptEncoderShape& shape);

  // points: (B, P, 2) pixels (x, y); labels: (B, P) in -1..3; boxes: (B, 4). Any may be undefined;
  // points without boxes get one padding point. -> (B, n, C), with neither (1, 0, C).
  at::Tensor sparse(const at::Tensor& points, const at::Tensor& labels, const at::Tensor& boxes);

  // What the model itself supplies where the only prompt is a vector: two not-a-point rows,
  // (1, 2, C).
  at::Tensor no_points();

  // masks: (B, 1, 4h, 4w) logits -> (B, C, h, w).
  at::Tensor dense(const at::Tensor& masks);
  // Without a mask: (1, C, 1, 1), to be broadcast.
  at::Tensor no_mask();

  // Positions of the image embedding: (1, C, h, w).
  at::Tensor dense_pe();

 private:
  at::Tensor encode(const at::Tensor& coordinates);  // pixels (.., 2), x first -> (.., C)

  PromptEncoderShape shape_;
  at::Tensor gaussian_;
  std::array<std::shared_ptr<Embedding>, 4> point_embeddings_;
  std::shared_ptr<Embedding> not_a_point_, no_mask_;
  std::shared_ptr<Conv2d> down1_, down2_, down3_;
  std::shared_ptr<LayerNorm2d> norm1_, norm2_;
};

}  // namespace desa2va::models::sam2
