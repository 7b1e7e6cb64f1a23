#include "common/models/sam2/layers.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

Mlp::Mlp(std::int64_t input, std::int64_t hidden, std::int64_t output, std::int64_t depth,
         bool sigmoid_output)
    : sigmoid_output_(sigmoid_output) {
  TORCH_CHECK(depth >= 1, "an MLP needs at least one layer, not ", depth);
  auto list = std::make_shared<torch::nn::Module>();
  for (std::int64_t i = 0; i < depth; ++i) {
    layers_.push_back(list->register_module(
        std::to_string(i),
        std::make_shared<Linear>(i == 0 ? input : hidden, i + 1 == depth ? output : hidden)));
  }
  register_module("layers", list);
}

at::Tensor Mlp::forward(at::Tensor x) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i]->forward(x);
    if (i + 1 < layers_.size()) x = at::relu(x);
  }
  return sigmoid_output_ ? at::sigmoid(x) : x;
}

LayerNorm2d::LayerNorm2d(std::int64_t channels, double eps) : eps_(eps) {
  weight_ = register_parameter("weight", at::empty({channels}), /*requires_grad=*/false);
  bias_ = register_parameter("bias", at::empty({channels}), /*requires_grad=*/false);
}

at::Tensor LayerNorm2d::forward(const at::Tensor& x) {
  return over_last(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

at::Tensor LayerNorm2d::over_last(const at::Tensor& x) {
  return at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_);
}

DoublingConv::DoublingConv(std::int64_t in, std::int64_t out) {
  weight = register_parameter("weight", at::empty({in, out, 2, 2}), /*requires_grad=*/false);
  bias = register_parameter("bias", at::empty({out}), /*requires_grad=*/false);
}

at::Tensor DoublingConv::forward(const at::Tensor& x) const {
  const auto out = weight.size(1);
  const auto product = weight.permute({2, 3, 1, 0}).reshape({4 * out, x.size(2)});
  return at::linear(x, product, bias.repeat({4})).unflatten(2, {4, out});
}

Attention::Attention(std::int64_t width, std::int64_t heads, std::int64_t downsample,
                     std::int64_t kv_width)
    : heads_(heads) {
  const std::int64_t inner = width / downsample;
  TORCH_CHECK(inner % heads == 0, "attention width ", inner, " does not divide into ", heads,
              " heads");
  const std::int64_t source = kv_width > 0 ? kv_width : width;
  q_proj_ = register_module("q_proj", std::make_shared<Linear>(width, inner));
  k_proj_ = register_module("k_proj", std::make_shared<Linear>(source, inner));
  v_proj_ = register_module("v_proj", std::make_shared<Linear>(source, inner));
  out_proj_ = register_module("out_proj", std::make_shared<Linear>(inner, width));
}

at::Tensor Attention::split_heads(const at::Tensor& x) const {
  return x.unflatten(2, {heads_, -1}).transpose(1, 2);
}

at::Tensor Attention::merge_heads(const at::Tensor& x) const {
  return out_proj_->forward(x.transpose(1, 2).flatten(2));
}

at::Tensor Attention::attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return merge_heads(
      at::scaled_dot_product_attention(split_heads(q), split_heads(k), split_heads(v)));
}

at::Tensor Attention::forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return attend(project_q(q), project_k(k), project_v(v));
}

}  // namespace desa2va::models::sam2
