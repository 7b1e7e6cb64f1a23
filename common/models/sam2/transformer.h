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

// Which frame each of N entries belongs to, where features are stored once per frame.
struct EntryFrames {
  at::Tensor index;            // (N) int64; undefined: entry i is frame i
  std::int64_t per_frame = 0;  // > 0: frame 0 has the first so many entries, frame 1 the next, ...

  static EntryFrames of(const at::Tensor& frame_index, std::int64_t frames);

  // x: (F, ..) per frame -> (N, ..).
  at::Tensor spread(const at::Tensor& x) const;
  // entries (N, ..) + x (F, ..) of each entry's frame, without spreading x where groups allow it.
  at::Tensor add(const at::Tensor& entries, const at::Tensor& x) const;
};

// Tokens look at themselves, then at the image; then the image looks at the tokens.
class TwoWayLayer : public torch::nn::Module {
 public:
  TwoWayLayer(const TwoWayShape& shape, bool first);

  // q: (N, T, C); pe_q: (N, T, C); pe_k: (1, HW, C). k: (F, HW, C), one per frame of `frames`: what
  // depends on the frame alone is computed once per frame. k goes out one per entry.
  struct State {
    at::Tensor q, k;
  };
  State forward(const State& state, const at::Tensor& pe_q, const at::Tensor& pe_k,
                const EntryFrames& frames);

 private:
  // Tokens look at the image of their frame: (N, T, C).
  at::Tensor look(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const EntryFrames& frames);

  bool first_;
  std::shared_ptr<Attention> self_attn_, token_to_image_, image_to_token_;
  std::shared_ptr<Mlp> mlp_;
  std::array<std::shared_ptr<LayerNorm>, 4> norms_;
};

class TwoWayTransformer : public torch::nn::Module {
 public:
  explicit TwoWayTransformer(const TwoWayShape& shape);

  // image: (F, HW, C), image_pe: (1, HW, C), tokens: (N, T, C) -> (N, T, C) tokens and (N, HW, C)
  // image.
  TwoWayLayer::State forward(const at::Tensor& image, const at::Tensor& image_pe,
                             const at::Tensor& tokens, const EntryFrames& frames);

 private:
  std::vector<std::shared_ptr<TwoWayLayer>> layers_;
  std::shared_ptr<Attention> final_attn_;
  std::shared_ptr<LayerNorm> final_norm_;
};

}  // namespace desa2va::models::sam2
