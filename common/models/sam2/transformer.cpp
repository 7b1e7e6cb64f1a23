#include "common/models/sam2/transformer.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

EntryFrames EntryFrames::of(const at::Tensor& frame_index, std::int64_t frames) {
  EntryFrames entries{frame_index, 0};
  if (!frame_index.defined()) return entries;
  const std::int64_t n = frame_index.size(0);
  if (frames == 0 || n % frames != 0) return entries;
  const auto grouped = at::arange(frames, frame_index.options()).repeat_interleave(n / frames);
  if (at::equal(frame_index, grouped)) entries.per_frame = n / frames;
  return entries;
}

at::Tensor EntryFrames::spread(const at::Tensor& x) const {
  return index.defined() ? x.index_select(0, index) : x;
}

at::Tensor EntryFrames::add(const at::Tensor& entries, const at::Tensor& x) const {
  if (per_frame == 0) return entries + spread(x);
  return (entries.unflatten(0, {x.size(0), per_frame}) + x.unsqueeze(1)).flatten(0, 1);
}

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

at::Tensor TwoWayLayer::look(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const EntryFrames& frames) {
  if (frames.per_frame == 0) return token_to_image_->attend(q, frames.spread(k), frames.spread(v));
  // The tokens of all entries of a frame ask together: each row's answer is its own.
  const auto together = q.reshape({k.size(0), frames.per_frame * q.size(1), q.size(2)});
  return token_to_image_->attend(together, k, v).reshape({q.size(0), q.size(1), -1});
}

TwoWayLayer::State TwoWayLayer::forward(const State& state, const at::Tensor& pe_q,
                                        const at::Tensor& pe_k, const EntryFrames& frames) {
  auto q = state.q;
  if (first_) {  // The tokens are their own position: no encoding and no residual here.
    q = self_attn_->forward(q, q, q);
  } else {
    const auto with_pe = q + pe_q;
    q = q + self_attn_->forward(with_pe, with_pe, q);
  }
  q = norms_[0]->forward(q);

  const auto k_pe = state.k + pe_k;
  const auto seen = look(token_to_image_->project_q(q + pe_q), token_to_image_->project_k(k_pe),
                         token_to_image_->project_v(state.k), frames);
  q = norms_[1]->forward(q + seen);
  q = norms_[2]->forward(q + mlp_->forward(q));

  const auto told =
      image_to_token_->attend(frames.spread(image_to_token_->project_q(k_pe)),
                              image_to_token_->project_k(q + pe_q), image_to_token_->project_v(q));
  return {q, norms_[3]->forward(frames.add(told, state.k))};
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
                                              const at::Tensor& tokens, const EntryFrames& frames) {
  TwoWayLayer::State state{tokens, image};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    state = layers_[i]->forward(state, tokens, image_pe, i == 0 ? frames : EntryFrames{});
  }
  const auto seen = final_attn_->forward(state.q + tokens, state.k + image_pe, state.k);
  return {final_norm_->forward(state.q + seen), state.k};
}

}  // namespace desa2va::models::sam2
