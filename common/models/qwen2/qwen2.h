#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/config/model.h"
#include "common/models/layers/layers.h"
#include "common/models/layers/lora.h"
#include "common/models/weights/initialise.h"

// Qwen2.5 (modeling_qwen2.py) with LoRA on its seven linears. Parameter paths are the published
// names without "language_model.", LoRA's beside them (common/weights/names.h).
namespace desa2va::models {

// Keys and values of all layers for one growing sequence; (B, kv heads, length, head dim).
struct KvCache {
  std::vector<at::Tensor> keys, values;
  std::int64_t length = 0;
};

class Qwen2 : public torch::nn::Module {
 public:
  explicit Qwen2(const config::LlmConfig& config);
  ~Qwen2() override;

  // Rows of the trained embedding matrix: ids (B, L) -> (B, L, D).
  at::Tensor embed(const at::Tensor& ids) const;
  const at::Tensor& embedding_matrix() const;

  // embeds (B, L, D) -> states after the final norm (B, L, D). Positions are 0..L-1 in every row
  // and attention is causal; with right padding that is exact for all real tokens, padded ones hold
  // finite numbers that mean nothing. With a cache, positions go on from its length and it grows by
  // L; then L = 1 unless the cache was empty.
  at::Tensor forward(const at::Tensor& embeds, const LoraPass& pass,
                     KvCache* cache = nullptr) const;

  // (..., D) -> (..., V), float32.
  at::Tensor logits(const at::Tensor& hidden) const;

  // Next-token cross entropy: labels (B, L), -100 = ignored, position t predicts labels[t + 1]; the
  // mean over all labels of the batch pooled. Logits are formed where there is a label and nowhere
  // else. Without any label: zero, and so are its gradients.
  at::Tensor loss(const at::Tensor& hidden, const at::Tensor& labels) const;

  // W + scaling * B A of every wrapped linear, under the linear's path ("model.layers.0...weight").
  NamedTensors merged() const;

  // N(0, initializer_range) for weights and embeddings, biases 0; LoRA's A as PyTorch's Linear, B
  // 0.
  static std::vector<InitRule> init_rules(const config::LlmConfig& config);

 private:
  class Layer;
  class Stack;

  const config::LlmConfig config_;
  std::shared_ptr<Stack> model_;
  std::shared_ptr<Linear> head_;  // null when the head is tied to the embedding
};

// Greedy decoding of one sequence. No gradients, LoRA on, no dropout.
struct GenerateOptions {
  std::int64_t max_new_tokens = 2048;
  std::vector<std::int64_t> stop_ids;  // decoding ends after one of these
  bool keep_logits = false;
  // Told of each token as soon as it is chosen; false ends the answer with it.
  std::function<bool(std::int64_t id)> on_token = {};
};
struct Generated {
  std::vector<std::int64_t> ids;  // new tokens, with the stop token if it came
  at::Tensor prompt_hidden;       // (Lp, D)
  at::Tensor hidden;  // (n-1, D): row k = state of new token k when it was fed back; the
                      // last token never is
  at::Tensor logits;  // (n, V) that each token was chosen from, if kept
};
Generated generate(const Qwen2& model, const at::Tensor& prompt_embeds,
                   const GenerateOptions& options);

}  // namespace desa2va::models
