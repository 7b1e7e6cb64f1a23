#include "common/models/sam2/memory_attention.h"

#include <cmath>

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

at::Tensor rotate(const at::Tensor& x, const AxialRope& rope) {
  // A pair is a complex number, and turning it a product.
  const auto grid = rope.cos.size(0);
  const auto pairs = at::view_as_complex(
      x.to(at::kFloat).contiguous().unflatten(-1, {-1, 2}).unflatten(2, {-1, grid}));
  const auto turned = pairs * at::complex(rope.cos, rope.sin);
  return at::view_as_real(turned).flatten(-2).flatten(2, 3).to(x.scalar_type());
}

at::Tensor RopeAttention::forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const AxialRope& rope, std::int64_t plain_keys) {
  const auto query = rotate(split_heads(project_q(q)), rope);
  auto key = split_heads(project_k(k));
  const std::int64_t turned = key.size(2) - plain_keys, grid = rope.cos.size(0);
  TORCH_CHECK(turned % grid == 0, turned, " memory tokens are no whole number of grids of ", grid);
  const auto spatial = rotate(key.slice(2, 0, turned), rope);
  key = plain_keys > 0 ? at::cat({spatial, key.slice(2, turned)}, 2) : spatial;
  return merge_heads(at::scaled_dot_product_attention(query, key, split_heads(project_v(v))));
}

MemoryAttentionLayer::MemoryAttentionLayer(const MemoryAttentionShape& shape) {
  const std::int64_t dim = shape.dim;
  self_attn_ = register_module("self_attn", std::make_shared<RopeAttention>(dim, shape.heads));
  cross_attn_ = register_module(
      "cross_attn_image", std::make_shared<RopeAttention>(dim, shape.heads, 1, shape.mem_dim));
  linear1_ = register_module("linear1", std::make_shared<Linear>(dim, shape.ffn_dim));
  linear2_ = register_module("linear2", std::make_shared<Linear>(shape.ffn_dim, dim));
  norm1_ = register_module("norm1", std::make_shared<LayerNorm>(dim));
  norm2_ = register_module("norm2", std::make_shared<LayerNorm>(dim));
  norm3_ = register_module("norm3", std::make_shared<LayerNorm>(dim));
}

at::Tensor MemoryAttentionLayer::forward(const at::Tensor& input, const at::Tensor& memory,
                                         const at::Tensor& memory_pos, const AxialRope& rope,
                                         std::int64_t pointer_tokens) {
  const auto own = norm1_->forward(input);
  auto x = input + self_attn_->forward(own, own, own, rope, 0);
  x = x +
      cross_attn_->forward(norm2_->forward(x), memory + memory_pos, memory, rope, pointer_tokens);
  return x + linear2_->forward(at::relu(linear1_->forward(norm3_->forward(x))));
}

MemoryAttention::MemoryAttention(const MemoryAttentionShape& shape) : shape_(shape) {
  auto list = register_module("layers", std::make_shared<torch::nn::Module>());
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    layers_.push_back(
        list->register_module(std::to_string(i), std::make_shared<MemoryAttentionLayer>(shape)));
  }
  norm_ = register_module("norm", std::make_shared<LayerNorm>(shape.dim));
}

at::Tensor MemoryAttention::forward(const at::Tensor& current, const at::Tensor& position,
                                    const at::Tensor& memory, const at::Tensor& memory_pos,
                                    std::int64_t pointer_tokens) {
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(current.size(1))));
  TORCH_CHECK(side * side == current.size(1), "memory attention needs a square grid, not ",
              current.size(1), " tokens");
  auto rope = axial_rope(shape_.dim / shape_.heads, side, side, shape_.rope_theta);
  rope = {rope.cos.to(current.device()), rope.sin.to(current.device())};
  auto x = current + 0.1 * position;
  for (const auto& layer : layers_) {
    x = layer->forward(x, memory, memory_pos, rope, pointer_tokens);
  }
  return norm_->forward(x);
}

}  // namespace desa2va::models::sam2
