#include "common/models/sam2/transformer.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {
namespace {

// Rows of a per-frame tensor for each entry; entries already are the rows where there is no index.
at::Tensor per_entry(const at::Tensor& frames, const at::Tensor& frame_index) {
  return frame_index.defined() ? frames.index_select(0, frame_index) : frames;
}

}  // namespace

TwoWayLayer::TwoWayLayer(const TwoWayShape& shape, bool first) : first_(first) {
  self_attn_ = register_module("self_attn", std::make_shared<Attention>(shape.dim, shape.heads));
  norms_[0] = register_module("norm1", std::make_shared<LayerNorm>(shape.dim));
  token_to_image_ = register_module("cross_attn_token_to_image",
                                    std::make_shared<Attention>(shape.dim, shape.heads, 2));
  norms_[1] = register_module("norm2", std::make_shared<LayerNorm>(shape.dim));
  mlp_ = register_module("mlp", std::make_shared<Mlp>(shape.dim, shape.mlp_dim, shape.dim, 2));
  norms_[2] = register_module("norm3", std::make_shared<LayerNorm>(shape.dim));
  norms_[3] = register_module("norm4", std::make_shared<LayerNorm>(shape.dim));
  image_to_token_ = register_module("cross_attn_image_to_token",
                                    std::make_shared<Attention>(shape.dim, shape.heads, 2));
}

TwoWayLayer::State TwoWayLayer::forward(const State& state, const at::Tensor& pe_q,
                                        const at::Tensor& pe_k, const at::Tensor& frame_index) {
  auto q = state.q;
  if (first_) {  // The tokens are their own position: no encoding and no residual here.
    q = self_attn_->forward(q, q, q);
  } else {
    const auto with_pe = q + pe_q;
    q = q + self_attn_->forward(with_pe, with_pe, q);
  }
  q = norms_[0]->forward(q);

  const auto k_pe = state.k + pe_k;
  const auto seen =
      token_to_image_->attend(token_to_image_->project_q(q + pe_q),
                              per_entry(token_to_image_->project_k(k_pe), frame_index),
                              per_entry(token_to_image_->project_v(state.k), frame_index));
  q = norms_[1]->forward(q + seen);
  q = norms_[2]->forward(q + mlp_->forward(q));

  const auto told =
      image_to_token_->attend(per_entry(image_to_token_->project_q(k_pe), frame_index),
                              image_to_token_->project_k(q + pe_q), image_to_token_->project_v(q));
  return {q, norms_[3]->forward(per_entry(state.k, frame_index) + told)};
}

TwoWayTransformer::TwoWayTransformer(const TwoWayShape& shape) {
  auto list = register_module("layers", std::make_shared<torch::nn::Module>());
  for (std::int64_t i = 0; i < shape.depth; ++i) {
    layers_.push_back(
        list->register_module(std::to_string(i), std::make_shared<TwoWayLayer>(shape, i == 0)));
  }
  final_attn_ = register_module("final_attn_token_to_image",
                                std::make_shared<Attention>(shape.dim, shape.heads, 2));
  final_norm_ = register_module("norm_final_attn", std::make_shared<LayerNorm>(shape.dim));
}

TwoWayLayer::State TwoWayTransformer::forward(const at::Tensor& image, const at::Tensor& image_pe,
                                              const at::Tensor& tokens,
                                              const at::Tensor& frame_index) {
  TwoWayLayer::State state{tokens, image};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    state = layers_[i]->forward(state, tokens, image_pe, i == 0 ? frame_index : at::Tensor());
  }
  const auto seen = final_attn_->forward(state.q + tokens, state.k + image_pe, state.k);
  return {final_norm_->forward(state.q + seen), state.k};
}

}  // namespace desa2va::models::sam2
