#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/models/sam2/layers.h"

// A frame's features and its mask to what is remembered of it (model 4.6; reference
// sam2/modeling/memory_encoder.py).
namespace desa2va::models::sam2 {

// ConvNeXt block of the fuser: `gamma`, `dwconv`, `norm`, `pwconv1`, `pwconv2`.
class FuserBlock : public torch::nn::Module {
 public:
  explicit FuserBlock(std::int64_t dim);
  at::Tensor forward(const at::Tensor& x);  // (N, C, h, w)

 private:
  at::Tensor gamma_;
  std::shared_ptr<Conv2d> dwconv_;
  std::shared_ptr<LayerNorm2d> norm_;
  std::shared_ptr<Linear> pwconv1_, pwconv2_;
};

class MemoryEncoder : public torch::nn::Module {
 public:
  MemoryEncoder(std::int64_t dim, std::int64_t mem_dim);

  // features: (N, C, h, w), P3 without no_mem_embed; masks: (N, 1, 16h, 16w), scaled probabilities
  // (`memory_mask`) -> (N, mem_dim, h, w).
  at::Tensor forward(const at::Tensor& features, const at::Tensor& masks);

 private:
  std::array<std::shared_ptr<Conv2d>, 4> down_;
  std::array<std::shared_ptr<LayerNorm2d>, 4> down_norm_;
  std::shared_ptr<Conv2d> down_out_, pix_feat_proj_, out_proj_;
  std::vector<std::shared_ptr<FuserBlock>> fuser_;
};

// Logits to what the encoder reads: sigmoid, or the sign where `binarize`, times 20 minus 10.
at::Tensor memory_mask(const at::Tensor& logits, bool binarize);

}  // namespace desa2va::models::sam2
