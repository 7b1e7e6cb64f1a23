#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/sam2/layers.h"

// Hiera, SAM-2's image trunk (model 4.1; reference sam2/modeling/backbones/hieradet.py).
namespace desa2va::models::sam2 {

struct HieraBlockShape {
  std::int64_t dim_in, dim_out, heads;
  std::int64_t window;  // tokens a side; 0: attention over the whole grid
  bool pool;            // queries and shortcut are max-pooled 2x2
};

// The shape of every block. The window lags: the first block of a stage still has the window of the
// stage before it.
std::vector<HieraBlockShape> hiera_blocks(const config::HieraConfig& config);

// Pre-norm block on channels-last tokens: (N, H, W, dim_in) -> (N, H', W', dim_out).
class HieraBlock : public torch::nn::Module {
 public:
  HieraBlock(const HieraBlockShape& shape, double mlp_ratio);
  at::Tensor forward(const at::Tensor& x);

 private:
  at::Tensor attend(const at::Tensor& windows);  // (B, h, w, dim_in) -> (B, h', w', dim_out)

  HieraBlockShape shape_;
  std::shared_ptr<LayerNorm> norm1_, norm2_;
  std::shared_ptr<Linear> qkv_, attn_proj_, fc1_, fc2_;
  std::shared_ptr<Linear> proj_;
};

class Hiera : public torch::nn::Module {
 public:
  explicit Hiera(const config::HieraConfig& config);

  // images: (N, 3, S, S), normalised -> the last block of each stage, channels first, finest first.
  std::vector<at::Tensor> forward(const at::Tensor& images);

  // Channels of the stages, finest first.
  const std::vector<std::int64_t>& stage_channels() const { return stage_channels_; }

 private:
  at::Tensor position(std::int64_t h, std::int64_t w) const;  // (1, h, w, C)

  std::shared_ptr<Conv2d> patch_;
  at::Tensor pos_embed_, pos_embed_window_;
  std::vector<std::shared_ptr<HieraBlock>> blocks_;
  std::vector<std::size_t> stage_ends_;
  std::vector<std::int64_t> stage_channels_;
};

}  // namespace desa2va::models::sam2
