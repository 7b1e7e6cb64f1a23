#include "common/models/qwen2/layer.h"

#include <string>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

namespace desa2va::models {
namespace {

std::shared_ptr<LoraLinear> lora_linear(torch::nn::Module& owner, const std::string& target,
                                        std::int64_t in, std::int64_t out, bool with_bias,
                                        const config::LlmConfig& config, std::int64_t index) {
  return owner.register_module(target,
                               std::make_shared<LoraLinear>(in, out, with_bias, config.lora,
                                                            std::to_string(index) + "." + target));
}

// (B, kv heads, L, d) -> (B, heads, L, d), each kv head repeated for its query heads.
at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times) {
  if (times == 1) return x;
  const auto b = x.size(0), heads = x.size(1), length = x.size(2), d = x.size(3);
  return x.unsqueeze(2).expand({b, heads, times, length, d}).reshape({b, heads * times, length, d});
}

}  // namespace

RotaryTable rotary_table(const config::LlmConfig& config, std::int64_t first, std::int64_t length,
                         const at::Tensor& like) {
  const auto options = like.options().dtype(at::kFloat);
  const auto exponents = at::arange(0, config.head_dim(), 2, options) / config.head_dim();
  const auto frequencies = 1.0 / at::pow(config.rope_theta, exponents);
  const auto half = at::outer(at::arange(first, first + length, options), frequencies);
  const auto angles = at::cat({half, half}, -1);
  return {angles.cos(), angles.sin()};
}

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) {
  const auto wide = x.to(at::kFloat);
  const auto half = x.size(-1) / 2;
  const auto turned = at::cat({-wide.slice(-1, half), wide.slice(-1, 0, half)}, -1);
  return (wide * table.cos + turned * table.sin).to(x.scalar_type());
}

QwenAttention::QwenAttention(const config::LlmConfig& config, std::int64_t index)
    : heads_(config.num_attention_heads),
      kv_heads_(config.num_key_value_heads),
      head_dim_(config.head_dim()),
      index_(index),
      q_(lora_linear(*this, "q_proj", config.hidden_size, heads_ * head_dim_, true, config, index)),
      k_(lora_linear(*this, "k_proj", config.hidden_size, kv_heads_ * head_dim_, true, config,
                     index)),
      v_(lora_linear(*this, "v_proj", config.hidden_size, kv_heads_ * head_dim_, true, config,
                     index)),
      o_(lora_linear(*this, "o_proj", heads_ * head_dim_, config.hidden_size, false, config,
                     index)) {}

at::Tensor QwenAttention::forward(const at::Tensor& x, const RotaryTable& table,
                                  const LoraPass& pass, KvCache* cache) const {
  const auto b = x.size(0), length = x.size(1);
  const auto split = [&](const at::Tensor& y, std::int64_t heads) {
    return y.view({b, length, heads, head_dim_}).transpose(1, 2);
  };
  const auto q = rotate(split(q_->forward(x, pass), heads_), table);
  auto k = rotate(split(k_->forward(x, pass), kv_heads_), table);
  auto v = split(v_->forward(x, pass), kv_heads_);
  if (cache != nullptr) {
    auto& keys = cache->keys[static_cast<std::size_t>(index_)];
    auto& values = cache->values[static_cast<std::size_t>(index_)];
    k = keys = keys.defined() ? at::cat({keys, k}, 2) : k;
    v = values = values.defined() ? at::cat({values, v}, 2) : v;
  }
  const auto times = heads_ / kv_heads_;
  // One new token after a cache sees everything; otherwise both start at position 0.
  const bool causal = length > 1;
  const auto mixed = at::scaled_dot_product_attention(q, repeat_heads(k, times),
                                                      repeat_heads(v, times), {}, 0.0, causal);
  return o_->forward(mixed.transpose(1, 2).reshape({b, length, heads_ * head_dim_}), pass);
}

QwenMlp::QwenMlp(const config::LlmConfig& config, std::int64_t index)
    : gate_(lora_linear(*this, "gate_proj", config.hidden_size, config.intermediate_size, false,
                        config, index)),
      up_(lora_linear(*this, "up_proj", config.hidden_size, config.intermediate_size, false, config,
                      index)),
      down_(lora_linear(*this, "down_proj", config.intermediate_size, config.hidden_size, false,
                        config, index)) {}

at::Tensor QwenMlp::forward(const at::Tensor& x, const LoraPass& pass) const {
  return down_->forward(at::silu(gate_->forward(x, pass)) * up_->forward(x, pass), pass);
}

Qwen2::Layer::Layer(const config::LlmConfig& config, std::int64_t index)
    : attention_(register_module("self_attn", std::make_shared<QwenAttention>(config, index))),
      mlp_(register_module("mlp", std::make_shared<QwenMlp>(config, index))),
      input_norm_(register_module(
          "input_layernorm", std::make_shared<RmsNorm>(config.hidden_size, config.rms_norm_eps))),
      post_attention_norm_(
          register_module("post_attention_layernorm",
                          std::make_shared<RmsNorm>(config.hidden_size, config.rms_norm_eps))) {}

at::Tensor Qwen2::Layer::forward(const at::Tensor& x, const RotaryTable& table,
                                 const LoraPass& pass, KvCache* cache) const {
  const auto y = x + attention_->forward(input_norm_->forward(x), table, pass, cache);
  return y + mlp_->forward(post_attention_norm_->forward(y), pass);
}

}  // namespace desa2va::models
