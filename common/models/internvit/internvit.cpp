#include "common/models/internvit/internvit.h"

#include <cmath>
#include <string>

#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_bicubic2d.h>

namespace desa2va::models {

// Multi-head self-attention; paths qkv.*, proj.*.
class VitAttention : public torch::nn::Module {
 public:
  explicit VitAttention(const config::VitConfig& config)
      : heads_(config.num_attention_heads),
        qkv_(register_module(
            "qkv",
            std::make_shared<Linear>(config.hidden_size, 3 * config.hidden_size, config.qkv_bias))),
        proj_(register_module("proj",
                              std::make_shared<Linear>(config.hidden_size, config.hidden_size))) {}

  at::Tensor forward(const at::Tensor& x) const {  // (N, L, C)
    const auto n = x.size(0), length = x.size(1), width = x.size(2);
    const auto parts =
        qkv_->forward(x).view({n, length, 3, heads_, width / heads_}).permute({2, 0, 3, 1, 4});
    const auto mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
    return proj_->forward(mixed.transpose(1, 2).reshape({n, length, width}));
  }

 private:
  const std::int64_t heads_;
  const std::shared_ptr<Linear> qkv_, proj_;
};

// fc2(at::gelu(fc1(x))).
class VitMlp : public torch::nn::Module {
 public:
  explicit VitMlp(const config::VitConfig& config)
      : fc1_(register_module(
            "fc1", std::make_shared<Linear>(config.hidden_size, config.intermediate_size))),
        fc2_(register_module(
            "fc2", std::make_shared<Linear>(config.intermediate_size, config.hidden_size))) {}
  at::Tensor forward(const at::Tensor& x) const {
    return fc2_->forward(at::gelu(fc1_->forward(x)));
  }

 private:
  const std::shared_ptr<Linear> fc1_, fc2_;
};

// x + ls1 * attn(norm1(x)), then x + ls2 * mlp(norm2(x)).
class InternVit::Layer : public torch::nn::Module {
 public:
  explicit Layer(const config::VitConfig& config)
      : norm1_(register_module(
            "norm1", std::make_shared<LayerNorm>(config.hidden_size, config.layer_norm_eps))),
        norm2_(register_module(
            "norm2", std::make_shared<LayerNorm>(config.hidden_size, config.layer_norm_eps))),
        attn_(register_module("attn", std::make_shared<VitAttention>(config))),
        mlp_(register_module("mlp", std::make_shared<VitMlp>(config))),
        ls1_(register_parameter("ls1", at::empty({config.hidden_size}), false)),
        ls2_(register_parameter("ls2", at::empty({config.hidden_size}), false)) {}

  at::Tensor forward(const at::Tensor& x) const {
    const auto y = at::addcmul(x, attn_->forward(norm1_->forward(x)), ls1_);
    return at::addcmul(y, mlp_->forward(norm2_->forward(y)), ls2_);
  }

 private:
  const std::shared_ptr<LayerNorm> norm1_, norm2_;
  const std::shared_ptr<VitAttention> attn_;
  const std::shared_ptr<VitMlp> mlp_;
  const at::Tensor ls1_, ls2_;
};

InternVit::InternVit(const config::VitConfig& config) : config_(config) {
  TORCH_CHECK(config.hidden_size % config.num_attention_heads == 0,
              "vit.hidden_size=", config.hidden_size,
              " is no multiple of vit.num_attention_heads=", config.num_attention_heads);
  auto embeddings = register_module("embeddings", std::make_shared<torch::nn::Module>());
  const auto positions = config.grid() * config.grid() + 1;
  class_embedding_ = embeddings->register_parameter("class_embedding",
                                                    at::empty({1, 1, config.hidden_size}), false);
  position_embedding_ = embeddings->register_parameter(
      "position_embedding", at::empty({1, positions, config.hidden_size}), false);
  patch_embedding_ = embeddings->register_module(
      "patch_embedding",
      std::make_shared<Conv2d>(3, config.hidden_size,
                               Conv2d::Options{config.patch_size, config.patch_size, 0, 1}));
  auto layers = std::make_shared<torch::nn::Module>();
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_.push_back(layers->register_module(std::to_string(i), std::make_shared<Layer>(config)));
  }
  register_module("encoder", std::make_shared<torch::nn::Module>())
      ->register_module("layers", layers);
}

InternVit::~InternVit() = default;

at::Tensor InternVit::position_embedding(std::int64_t rows, std::int64_t columns) const {
  const auto side = config_.grid();
  if (rows == side && columns == side) return position_embedding_;
  const auto grid = position_embedding_.slice(1, 1)
                        .to(at::kFloat)
                        .reshape({1, side, side, config_.hidden_size})
                        .permute({0, 3, 1, 2});
  const auto resized = at::upsample_bicubic2d(grid, {rows, columns}, /*align_corners=*/false)
                           .reshape({1, config_.hidden_size, rows * columns})
                           .transpose(1, 2)
                           .to(position_embedding_.scalar_type());
  return at::cat({position_embedding_.slice(1, 0, 1), resized}, 1);
}

at::Tensor InternVit::forward(const at::Tensor& pixels) const {
  TORCH_CHECK(pixels.dim() == 4 && pixels.size(1) == 3, "tiles are (N, 3, H, W), not ",
              pixels.sizes());
  TORCH_CHECK(pixels.size(2) % config_.patch_size == 0 && pixels.size(3) % config_.patch_size == 0,
              "tiles of ", pixels.sizes(), " do not divide into patches of ", config_.patch_size);
  const auto patches = patch_embedding_->forward(pixels.to(patch_embedding_->weight.scalar_type()));
  const auto n = patches.size(0), rows = patches.size(2), columns = patches.size(3);
  const auto tokens = patches.flatten(2).transpose(1, 2);
  auto x = at::cat({class_embedding_.expand({n, 1, config_.hidden_size}), tokens}, 1) +
           position_embedding(rows, columns);
  for (const auto& layer : layers_) x = layer->forward(x);
  return x;
}

std::vector<InitRule> InternVit::init_rules(const config::VitConfig& config) {
  return parameters::vit_rules(config);
}

at::Tensor normalise_pixels(const at::Tensor& pixels) {
  const auto options = pixels.options().dtype(at::kFloat);
  const auto mean = at::tensor({0.485F, 0.456F, 0.406F}, options).view({1, 3, 1, 1});
  const auto deviation = at::tensor({0.229F, 0.224F, 0.225F}, options).view({1, 3, 1, 1});
  return (pixels.to(at::kFloat) / 255.0 - mean) / deviation;
}

}  // namespace desa2va::models
