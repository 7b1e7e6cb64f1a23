#include "common/models/qwen2/qwen2.h"

#include <string>

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/nonzero.h>

#include "common/models/layers/recompute.h"
#include "common/models/qwen2/layer.h"

namespace desa2va::models {
namespace {
constexpr std::int64_t kNoLabel = -100;
}

// embed_tokens, layers, norm: what the published names call "model".
class Qwen2::Stack : public torch::nn::Module {
 public:
  explicit Stack(const config::LlmConfig& config)
      : embed_tokens(register_module(
            "embed_tokens", std::make_shared<Embedding>(config.vocab_size, config.hidden_size))),
        norm(register_module("norm",
                             std::make_shared<RmsNorm>(config.hidden_size, config.rms_norm_eps))) {
    auto list = register_module("layers", std::make_shared<torch::nn::Module>());
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
      layers.push_back(
          list->register_module(std::to_string(i), std::make_shared<Layer>(config, i)));
    }
  }

  const std::shared_ptr<Embedding> embed_tokens;
  const std::shared_ptr<RmsNorm> norm;
  std::vector<std::shared_ptr<Layer>> layers;
};

Qwen2::Qwen2(const config::LlmConfig& config) : config_(config) {
  TORCH_CHECK(config.hidden_size % config.num_attention_heads == 0 &&
                  config.num_attention_heads % config.num_key_value_heads == 0,
              "llm: ", config.hidden_size, " channels, ", config.num_attention_heads, " heads and ",
              config.num_key_value_heads, " kv heads do not divide one another");
  model_ = register_module("model", std::make_shared<Stack>(config));
  if (!config.tie_word_embeddings) {
    head_ = register_module("lm_head",
                            std::make_shared<Linear>(config.hidden_size, config.vocab_size, false));
  }
}

Qwen2::~Qwen2() = default;

at::Tensor Qwen2::embed(const at::Tensor& ids) const {
  return model_->embed_tokens->forward(ids);
}
const at::Tensor& Qwen2::embedding_matrix() const {
  return model_->embed_tokens->weight;
}

at::Tensor Qwen2::forward(const at::Tensor& embeds, const LoraPass& pass, KvCache* cache) const {
  TORCH_CHECK(embeds.dim() == 3 && embeds.size(2) == config_.hidden_size, "embeddings are (B, L, ",
              config_.hidden_size, "), not ", embeds.sizes());
  const auto first = cache == nullptr ? 0 : cache->length;
  TORCH_CHECK(first == 0 || embeds.size(1) == 1, "after a cache of ", first,
              " tokens exactly one may follow, not ", embeds.size(1));
  if (cache != nullptr) {
    cache->keys.resize(model_->layers.size());
    cache->values.resize(model_->layers.size());
  }
  const auto table = rotary_table(config_, first, embeds.size(1), embeds);
  auto x = embeds;
  for (const auto& layer : model_->layers) {
    if (pass.recompute && cache == nullptr) {
      x = recompute([layer, table,
                     pass](const at::Tensor& y) { return layer->forward(y, table, pass, nullptr); },
                    x, layer->parameters());
    } else {
      x = layer->forward(x, table, pass, cache);
    }
  }
  if (cache != nullptr) cache->length += embeds.size(1);
  return model_->norm->forward(x);
}

at::Tensor Qwen2::logits(const at::Tensor& hidden) const {
  return at::linear(hidden, head_ ? head_->weight : embedding_matrix()).to(at::kFloat);
}

at::Tensor Qwen2::loss(const at::Tensor& hidden, const at::Tensor& labels) const {
  TORCH_CHECK(labels.dim() == 2 && labels.sizes() == hidden.sizes().slice(0, 2), "labels ",
              labels.sizes(), " do not fit states ", hidden.sizes());
  const auto next = labels.slice(1, 1).reshape({-1});
  const auto places = at::nonzero(next != kNoLabel).squeeze(1);
  if (places.numel() == 0) return (hidden.to(at::kFloat) * 0).sum();
  const auto states = hidden.slice(1, 0, hidden.size(1) - 1).reshape({-1, hidden.size(2)});
  return at::cross_entropy_loss(logits(states.index_select(0, places)),
                                next.index_select(0, places));
}

NamedTensors Qwen2::merged() const {
  NamedTensors out;
  for (const auto& item : named_modules("", /*include_self=*/false)) {
    if (const auto* linear = dynamic_cast<const LoraLinear*>(item.value().get())) {
      out.emplace(item.key() + ".weight", linear->merged_weight().detach());
    }
  }
  return out;
}

std::vector<InitRule> Qwen2::init_rules(const config::LlmConfig& config) {
  return parameters::llm_rules(config);
}

}  // namespace desa2va::models
