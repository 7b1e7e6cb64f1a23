#pragma once

#include <array>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/models/sam2/layers.h"

// The two-way transformer of the mask decoder (model 4.4; reference sam2/modeling/sam/transformer).
namespace desa2va::models::sam2 {

struct TwoWayShape {
  std::int64_t dim = 256;
  std::int64_t depth = 2;
  std::int64_t heads = 8;
  std::int64_t mlp_dim = 2048;
};

// Tokens look at themselves, then at the image; then the image looks at the tokens.
class TwoWayLayer : public torch::nn::Module {
 public:
  TwoWayLayer(const TwoWayShape& shape, bool first);

  // q: (N, T, C); pe_q: (N, T, C); pe_k: (1, HW, C). k: (N, HW, C), or (F, HW, C) with
  // `frame_index` (N): then what depends on the frame alone is computed once per frame.
  struct State {
    at::Tensor q, k;
  };
  State forward(const State& state, const at::Tensor& pe_q, const at::Tensor& pe_k,
                const at::Tensor& frame_index);

 private:
  bool first_;
  std::shared_ptr<Attention> self_attn_, token_to_image_, image_to_token_;
  std::shared_ptr<Mlp> mlp_;
  std::array<std::shared_ptr<LayerNorm>, 4> norms_;
};

class TwoWayTransformer : public torch::nn::Module {
 public:
  explicit TwoWayTransformer(const TwoWayShape& shape);

  // image: (F, HW, C), image_pe: (1, HW, C), tokens: (N, T, C), frame_index: (N) or undefined for
  // N == F -> (N, T, C) tokens and (N, HW, C) image.
  TwoWayLayer::State forward(const at::Tensor& image, const at::Tensor& image_pe,
                             const at::Tensor& tokens, const at::Tensor& frame_index);

 private:
  std::vector<std::shared_ptr<TwoWayLayer>> layers_;
  std::shared_ptr<Attention> final_attn_;
  std::shared_ptr<LayerNorm> final_norm_;
};

}  // namespace desa2va::models::sam2
