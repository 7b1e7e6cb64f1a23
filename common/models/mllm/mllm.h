#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/config/model.h"
#include "common/models/layers/dropout.h"
#include "common/models/weights/parameters.h"

// The multimodal language model of the mllm role: tiles and tokens to [SEG] states and the language
// loss, and texts to x_real. Functions throw c10::Error on wrong shapes; call them in `guarded`.
namespace desa2va::models {

// Ids with a meaning; the defaults are those of the published tokenizer with the five added tokens.
struct MllmTokens {
  std::int64_t img_context = 151667;
  std::int64_t seg = 151674;
};

struct MllmInput {
  at::Tensor ids;      // (B, L) int64, padded on the right with 0
  at::Tensor labels;   // (B, L) int64, -100 = no label
  at::Tensor lengths;  // (B) int64, real tokens of each row
  // (sum of tiles_per_sample, 3, s, s), in sample order; uint8 is normalised here. A float tile
  // (already normalised) whose sum is exactly 0 is absent, as in the reference: its embeddings
  // are dropped before insertion. uint8 tiles are always there: a sample without image brings none.
  at::Tensor tiles;
  std::vector<std::int64_t> tiles_per_sample;
  // Regions of pictures (Osprey): (sum of regions_per_sample, g, g), nonzero inside, g * g the
  // tokens of a tile. The embeddings of a region's cells of its sample's last tile, row by row,
  // follow those of the tiles into the <IMG_CONTEXT> places. Empty counts: no regions at all.
  at::Tensor regions = {};
  std::vector<std::int64_t> regions_per_sample = {};
  // (B): how many [SEG] states of each sample go on, its first ones, at most as many as it has;
  // empty: all.
  std::vector<std::int64_t> seg_counts = {};
};

struct MllmOutput {
  at::Tensor loss;        // scalar; 0 with zero gradients where no token has a label
  at::Tensor seg_hidden;  // (n, D) float32, final-norm states at [SEG], row-major order
  std::vector<std::int64_t> seg_sample;  // n: which sample each row belongs to
  at::Tensor before_seg;                 // (n, D) float32, the states one token earlier; no graph
  at::Tensor image_embeds;               // (tiles that are there, tokens per tile, D), after mlp1
  at::Tensor hidden;                     // (B, L, D); rows beyond a sample's length mean nothing
};

// Where the text feature of an object comes from (`real_text.source`); llm_answer is
// MllmOutput::before_seg.
enum class RealTextSource : std::uint8_t { LlmText, EmbedMean };

struct MllmGenerated {
  std::vector<std::int64_t> ids;  // new tokens with the stop token
  at::Tensor seg_hidden;          // (n, D) states of the [SEG] tokens when they were fed back
};

// Belongs to one thread. Parameters come uninitialised and without gradients: `initialise_mllm` or
// `load`, then `enable_gradients`, each on `named_tensors()`.
class Mllm {
 public:
  Mllm(const config::VitConfig& vit, const config::LlmConfig& llm, MllmTokens tokens);
  ~Mllm();
  Mllm(Mllm&&) noexcept;
  Mllm& operator=(Mllm&&) noexcept;

  // The graph reaches from loss and seg_hidden to what has gradients enabled; the ViT records none
  // unless `vit.train`. `dropout` of rate 0: evaluation. `recompute`: of each LLM layer only the
  // input is kept and the backward runs it again, with the same bits; parameters must not change
  // between.
  MllmOutput forward(const MllmInput& input, const DropoutPlan& dropout,
                     bool recompute = false) const;

  // x_real: ids (n, Lt) padded on the right, lengths (n) >= 1 -> (n, D) float32, no graph. LlmText:
  // the final-norm state of the last token with LoRA off; EmbedMean: the mean of the embeddings.
  // Both read `embeddings` (V, D), the snapshot taken when phase B starts; undefined: the current
  // matrix.
  at::Tensor real_text(const at::Tensor& ids, const at::Tensor& lengths, RealTextSource source,
                       const at::Tensor& embeddings = {}) const;

  // Greedy answer to one prompt (ids (1, L) with its tiles). `on_token` is told of each token as
  // soon as it is chosen; false ends the answer with it.
  MllmGenerated generate(const MllmInput& prompt, std::int64_t max_new_tokens,
                         const std::vector<std::int64_t>& stop_ids,
                         const std::function<bool(std::int64_t id)>& on_token = {}) const;

  // Everything, under canonical names (common/weights/names.h).
  NamedTensors named_tensors() const;
  // A copy of the embedding matrix, for `real_text`.
  at::Tensor embedding_snapshot() const;
  // W + scaling * B A under canonical names of the base weights.
  NamedTensors merged() const;
  // Moves all tensors ("cuda:0") and gives them `type`; float32 is what the goldens hold for.
  void to(const std::string& device, at::ScalarType type = at::kFloat);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// First weights as model.md 5.15 says.
void initialise_mllm(const Mllm& mllm, const config::VitConfig& vit, const config::LlmConfig& llm,
                     std::uint64_t seed);

}  // namespace desa2va::models
