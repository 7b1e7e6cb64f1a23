#pragma once

#include <memory>

#include "common/models/qwen2/qwen2.h"

// One decoder layer of Qwen2; used by qwen2.cpp alone.
namespace desa2va::models {

// cos and sin of the positions of a pass, (L, head_dim) float32: half-split rotary embedding.
struct RotaryTable {
  at::Tensor cos, sin;
};
RotaryTable rotary_table(const config::LlmConfig& config, std::int64_t first, std::int64_t length,
                         const at::Tensor& like);

// x (B, heads, L, head_dim) * cos + [-x2, x1] * sin, in float32.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

// Grouped-query attention: each kv head serves heads / kv heads consecutive query heads.
class QwenAttention : public torch::nn::Module {
 public:
  QwenAttention(const config::LlmConfig& config, std::int64_t index);
  at::Tensor forward(const at::Tensor& x, const RotaryTable& table, const LoraPass& pass,
                     KvCache* cache) const;

 private:
  const std::int64_t heads_, kv_heads_, head_dim_, index_;
  const std::shared_ptr<LoraLinear> q_, k_, v_, o_;
};

// down(silu(gate(x)) * up(x)).
class QwenMlp : public torch::nn::Module {
 public:
  QwenMlp(const config::LlmConfig& config, std::int64_t index);
  at::Tensor forward(const at::Tensor& x, const LoraPass& pass) const;

 private:
  const std::shared_ptr<LoraLinear> gate_, up_, down_;
};

// x += o(attn(rms(x))), x += mlp(rms(x)).
class Qwen2::Layer : public torch::nn::Module {
 public:
  Layer(const config::LlmConfig& config, std::int64_t index);
  at::Tensor forward(const at::Tensor& x, const RotaryTable& table, const LoraPass& pass,
                     KvCache* cache) const;

 private:
  const std::shared_ptr<QwenAttention> attention_;
  const std::shared_ptr<QwenMlp> mlp_;
  const std::shared_ptr<RmsNorm> input_norm_, post_attention_norm_;
};

}  // namespace desa2va::models
