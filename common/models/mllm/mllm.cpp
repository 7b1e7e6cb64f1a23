#include "common/models/mllm/mllm.h"

#include <limits>
#include <numeric>
#include <optional>
#include <span>

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <torch/nn/module.h>

#include "common/models/internvit/internvit.h"
#include "common/models/internvit/mlp1.h"
#include "common/models/qwen2/qwen2.h"
#include "common/tensor/gradients.h"
#include "common/weights/names.h"

namespace desa2va::models {

struct Mllm::Impl : torch::nn::Module {
  Impl(const config::VitConfig& vit, const config::LlmConfig& llm, MllmTokens token_ids)
      : vit_config(vit),
        llm_config(llm),
        tokens(token_ids),
        vision(register_module("vision_model", std::make_shared<InternVit>(vit))),
        mlp1(register_module("mlp1", std::make_shared<Mlp1>(vit.hidden_size, llm.hidden_size))),
        language(register_module("language_model", std::make_shared<Qwen2>(llm))) {}

  // Tiles that are there -> (tiles, tokens per tile, D).
  at::Tensor image_embeds(const at::Tensor& tiles) const {
    const auto pixels = tiles.scalar_type() == at::kByte ? normalise_pixels(tiles) : tiles;
    at::Tensor states;
    {
      std::optional<tensor::NoGradient> no_gradient;
      if (!vit_config.train) no_gradient.emplace();
      states = vision->forward(pixels).slice(1, 1);
    }
    const auto shuffled = pixel_shuffle(states, pixels.size(2) / vit_config.patch_size,
                                        pixels.size(3) / vit_config.patch_size);
    return mlp1->forward(shuffled);
  }

  at::Tensor embed(const MllmInput& input, at::Tensor* image_embeds_out) const;

  const config::VitConfig vit_config;
  const config::LlmConfig llm_config;
  const MllmTokens tokens;
  const std::shared_ptr<InternVit> vision;
  const std::shared_ptr<Mlp1> mlp1;
  const std::shared_ptr<Qwen2> language;
};

namespace {

// The tiles that are there, and how many each sample has of them.
struct PresentTiles {
  at::Tensor index;  // undefined: all
  std::vector<std::int64_t> per_sample;
};

PresentTiles present_tiles(const MllmInput& input) {
  std::int64_t total = 0;
  for (const auto count : input.tiles_per_sample) total += count;
  TORCH_CHECK(total == (input.tiles.defined() ? input.tiles.size(0) : 0),
              "tiles_per_sample adds to ", total, ", the batch has tiles ",
              input.tiles.defined() ? input.tiles.sizes() : at::IntArrayRef());
  if (total == 0 || input.tiles.scalar_type() == at::kByte) return {{}, input.tiles_per_sample};
  PresentTiles present;
  const auto there = (input.tiles.flatten(1).sum(1) != 0).cpu();
  present.index = at::nonzero(there).squeeze(1);
  std::int64_t first = 0;
  for (const auto count : input.tiles_per_sample) {
    present.per_sample.push_back(there.slice(0, first, first + count).sum().item<std::int64_t>());
    first += count;
  }
  return present;
}

std::int64_t wanted_segs(const MllmInput& input, std::size_t sample) {
  return input.seg_counts.empty() ? std::numeric_limits<std::int64_t>::max()
                                  : input.seg_counts.at(sample);
}

std::vector<std::int64_t> to_vector(const at::Tensor& tensor) {
  const auto host = tensor.cpu().contiguous();
  const auto* values = host.const_data_ptr<std::int64_t>();
  return {values, values + host.numel()};
}

// Adds the rows that the regions of one sample name in its last tile, which starts at row `tile`.
void append_region_rows(const at::Tensor& regions, std::int64_t first, std::int64_t count,
                        std::int64_t tile, std::vector<std::int64_t>& rows) {
  const auto cells = to_vector((regions.slice(0, first, first + count) != 0).to(at::kLong));
  const auto per_region = regions.size(1) * regions.size(2);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i] != 0) rows.push_back(tile + static_cast<std::int64_t>(i) % per_region);
  }
}

void check_regions(const MllmInput& input, std::int64_t tokens_per_tile) {
  std::int64_t total = 0;
  for (const auto count : input.regions_per_sample) total += count;
  TORCH_CHECK(input.regions_per_sample.empty() ||
                  input.regions_per_sample.size() == input.tiles_per_sample.size(),
              input.regions_per_sample.size(), " region counts for ", input.tiles_per_sample.size(),
              " samples");
  if (total == 0) return;
  TORCH_CHECK(input.regions.defined() && input.regions.dim() == 3 && input.regions.size(0) == total,
              "regions ", input.regions.defined() ? input.regions.sizes() : at::IntArrayRef(),
              ", regions_per_sample adds to ", total);
  TORCH_CHECK(input.regions.size(1) * input.regions.size(2) == tokens_per_tile, "regions ",
              input.regions.sizes(), " for tiles of ", tokens_per_tile, " tokens");
}

}  // namespace

// Token embeddings (B, L, D) with the <IMG_CONTEXT> rows of each sample overwritten, in order, by
// the embeddings of its tiles and of its regions. A sample that was cut within its image block
// takes the first rows.
at::Tensor Mllm::Impl::embed(const MllmInput& input, at::Tensor* image_embeds_out) const {
  TORCH_CHECK(input.ids.dim() == 2 &&
                  input.ids.size(0) == static_cast<std::int64_t>(input.tiles_per_sample.size()),
              "ids ", input.ids.sizes(), " for ", input.tiles_per_sample.size(), " samples");
  const auto embeds = language->embed(input.ids);
  const auto present = present_tiles(input);
  const auto is_context = (input.ids == tokens.img_context).cpu();
  const auto context_rows = to_vector(is_context.sum(1));
  const bool any_tile = input.tiles.defined() && input.tiles.size(0) > 0 &&
                        (!present.index.defined() || present.index.numel() > 0);
  at::Tensor images;
  if (any_tile) {
    images = image_embeds(present.index.defined()
                              ? input.tiles.index_select(0, present.index.to(input.tiles.device()))
                              : input.tiles);
    if (image_embeds_out != nullptr) *image_embeds_out = images;
  }
  std::vector<std::int64_t> source;  // row of (tiles * tokens, D) for each <IMG_CONTEXT>, in order
  std::int64_t first = 0;
  std::int64_t first_region = 0;
  const auto per_tile = any_tile ? images.size(1) : 0;
  check_regions(input, vit_config.tokens_per_tile());
  for (std::size_t sample = 0; sample < context_rows.size(); ++sample) {
    const auto available = present.per_sample[sample] * per_tile;
    std::vector<std::int64_t> rows(static_cast<std::size_t>(available));
    std::iota(rows.begin(), rows.end(), first);
    const auto regions = input.regions_per_sample.empty() ? 0 : input.regions_per_sample[sample];
    if (regions > 0) {
      TORCH_CHECK(available > 0, "sample ", sample, " has ", regions, " regions and no tile");
      append_region_rows(input.regions, first_region, regions, first + available - per_tile, rows);
    }
    const auto wanted = static_cast<std::size_t>(context_rows[sample]);
    TORCH_CHECK(wanted <= rows.size(), "sample ", sample, " has ", wanted,
                " <IMG_CONTEXT> tokens for ", rows.size(), " image embeddings");
    source.insert(source.end(), rows.begin(), rows.begin() + context_rows[sample]);
    first += available;
    first_region += regions;
  }
  if (source.empty()) return embeds;
  const auto width = embeds.size(2);
  const auto targets = at::nonzero(is_context.reshape({-1})).squeeze(1).to(embeds.device());
  const auto rows = images.reshape({-1, width})
                        .index_select(0, at::tensor(source, at::kLong).to(embeds.device()))
                        .to(embeds.scalar_type());
  return embeds.reshape({-1, width}).index_copy(0, targets, rows).view(embeds.sizes());
}

Mllm::Mllm(const config::VitConfig& vit, const config::LlmConfig& llm, MllmTokens tokens)
    : impl_(std::make_unique<Impl>(vit, llm, tokens)) {}
Mllm::~Mllm() = default;
Mllm::Mllm(Mllm&&) noexcept = default;
Mllm& Mllm::operator=(Mllm&&) noexcept = default;

MllmOutput Mllm::forward(const MllmInput& input, const DropoutPlan& dropout, bool recompute) const {
  MllmOutput out;
  const auto embeds = impl_->embed(input, &out.image_embeds);
  out.hidden = impl_->language->forward(embeds, LoraPass{true, dropout, recompute});
  out.loss = impl_->language->loss(out.hidden, input.labels);
  // [SEG] beyond a row's length is padding that happens to carry the id.
  const auto positions = at::arange(input.ids.size(1), input.ids.options()).unsqueeze(0);
  const auto is_seg = (input.ids == impl_->tokens.seg) & (positions < input.lengths.unsqueeze(1));
  std::vector<std::int64_t> places, seen(static_cast<std::size_t>(input.ids.size(0)));
  for (const auto place : to_vector(at::nonzero(is_seg.reshape({-1})).squeeze(1))) {
    const auto sample = static_cast<std::size_t>(place / input.ids.size(1));
    if (seen[sample]++ >= wanted_segs(input, sample)) continue;
    places.push_back(place);
    out.seg_sample.push_back(static_cast<std::int64_t>(sample));
  }
  for (std::size_t sample = 0; sample < input.seg_counts.size(); ++sample) {
    TORCH_CHECK(seen[sample] >= input.seg_counts[sample], "sample ", sample, " has ", seen[sample],
                " [SEG] tokens, ", input.seg_counts[sample], " of them are to go on");
  }
  const auto states = out.hidden.reshape({-1, out.hidden.size(2)});
  const auto rows = at::tensor(places, at::kLong).to(states.device());
  // No answer begins with its [SEG], but a foreign text might: it stands for itself then.
  const auto earlier = at::where(rows % input.ids.size(1) == 0, rows, rows - 1);
  out.seg_hidden = states.index_select(0, rows).to(at::kFloat);
  out.before_seg = states.detach().index_select(0, earlier).to(at::kFloat);
  return out;
}

at::Tensor Mllm::real_text(const at::Tensor& ids, const at::Tensor& lengths, RealTextSource source,
                           const at::Tensor& embeddings) const {
  const tensor::NoGradient no_gradient;
  const auto& language = *impl_->language;
  const auto& matrix = embeddings.defined() ? embeddings : language.embedding_matrix();
  TORCH_CHECK(ids.dim() == 2 && lengths.dim() == 1 && lengths.size(0) == ids.size(0), "texts ",
              ids.sizes(), " with lengths ", lengths.sizes());
  const auto n = ids.size(0);
  const auto width = impl_->llm_config.hidden_size;
  if (n == 0) return matrix.slice(0, 0, 0).to(at::kFloat);
  const auto embeds = at::embedding(matrix, ids);
  if (source == RealTextSource::EmbedMean) {
    const auto positions = at::arange(ids.size(1), ids.options()).unsqueeze(0);
    const auto real = (positions < lengths.unsqueeze(1)).unsqueeze(2).to(at::kFloat);
    return (embeds.to(at::kFloat) * real).sum(1) / lengths.unsqueeze(1).to(at::kFloat);
  }
  const auto hidden = language.forward(embeds, LoraPass{.enabled = false, .dropout = {}});
  const auto last = (lengths - 1).view({n, 1, 1}).expand({n, 1, width});
  return hidden.gather(1, last).squeeze(1).to(at::kFloat);
}

MllmGenerated Mllm::generate(const MllmInput& prompt, std::int64_t max_new_tokens,
                             const std::vector<std::int64_t>& stop_ids,
                             const std::function<bool(std::int64_t id)>& on_token) const {
  const tensor::NoGradient no_gradient;
  const auto made = models::generate(*impl_->language, impl_->embed(prompt, nullptr),
                                     {max_new_tokens, stop_ids, false, on_token});
  std::vector<std::int64_t> rows;  // the last token has no state
  for (std::size_t k = 0; k + 1 < made.ids.size(); ++k) {
    if (made.ids[k] == impl_->tokens.seg) rows.push_back(static_cast<std::int64_t>(k));
  }
  const auto index = at::tensor(rows, at::kLong).to(made.hidden.device());
  return {made.ids, made.hidden.index_select(0, index).to(at::kFloat)};
}

NamedTensors Mllm::named_tensors() const {
  NamedTensors out;
  for (const auto& [path, tensor] : models::named_tensors(*impl_)) {
    out.emplace(weights::canonical_name(path), tensor);
  }
  return out;
}

at::Tensor Mllm::embedding_snapshot() const {
  return impl_->language->embedding_matrix().detach().clone();
}

NamedTensors Mllm::merged() const {
  NamedTensors out;
  for (const auto& [path, tensor] : impl_->language->merged()) {
    out.emplace(weights::canonical_name("language_model." + path), tensor);
  }
  return out;
}

void Mllm::to(const std::string& device, at::ScalarType type) {
  impl_->to(at::Device(device), type);
}

void initialise_mllm(const Mllm& mllm, const config::VitConfig& vit, const config::LlmConfig& llm,
                     std::uint64_t seed) {
  auto rules = InternVit::init_rules(vit);
  for (auto& rule : Qwen2::init_rules(llm)) rules.push_back(std::move(rule));
  initialise(mllm.named_tensors(), seed, rules);
}

}  // namespace desa2va::models
