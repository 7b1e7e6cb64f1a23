#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/models/sam2/layers.h"
#include "common/models/sam2/position_encoding.h"

// The features of a frame look at what is remembered of others (model 4.7; reference
// sam2/modeling/memory_attention.py). Inference only: no dropout.
namespace desa2va::models::sam2 {

struct MemoryAttentionShape {
  std::int64_t dim = 256;
  std::int64_t mem_dim = 64;
  std::int64_t layers = 4;
  std::int64_t heads = 1;
  std::int64_t ffn_dim = 2048;
  double rope_theta = 10000;
};

// x: (B, heads, n * T, d), interleaved pairs, each T of them turned by factors (T, d / 2).
at::Tensor rotate(const at::Tensor& x, const AxialRope& rope);

// Attention whose queries and keys are turned by their place in the grid. Keys of several memory
// frames repeat the grid; the last `plain_keys` (object pointers) are not turned.
class RopeAttention : public Attention {
 public:
  using Attention::Attention;
  at::Tensor forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AxialRope& rope, std::int64_t plain_keys);
};

class MemoryAttentionLayer : public torch::nn::Module {
 public:
  explicit MemoryAttentionLayer(const MemoryAttentionShape& shape);
  // x: (B, HW, C); memory, memory_pos: (B, L, mem_dim)
  at::Tensor forward(const at::Tensor& x, const at::Tensor& memory, const at::Tensor& memory_pos,
                     const AxialRope& rope, std::int64_t pointer_tokens);

 private:
  std::shared_ptr<RopeAttention> self_attn_, cross_attn_;
  std::shared_ptr<Linear> linear1_, linear2_;
  std::shared_ptr<LayerNorm> norm1_, norm2_, norm3_;
};

class MemoryAttention : public torch::nn::Module {
 public:
  explicit MemoryAttention(const MemoryAttentionShape& shape);

  // current, position: (B, HW, C) of a square grid; memory, memory_pos: (B, L, mem_dim), memory
  // frames of HW tokens first, then `pointer_tokens` tokens of object pointers -> (B, HW, C).
  at::Tensor forward(const at::Tensor& current, const at::Tensor& position,
                     const at::Tensor& memory, const at::Tensor& memory_pos,
                     std::int64_t pointer_tokens);

 private:
  MemoryAttentionShape shape_;
  std::vector<std::shared_ptr<MemoryAttentionLayer>> layers_;
  std::shared_ptr<LayerNorm> norm_;
};

}  // namespace desa2va::models::sam2
