#include "common/parameters/inventory.h"

#include <array>
#include <functional>
#include <numeric>

#include <fmt/format.h>

namespace desa2va::parameters {
namespace {

using Shape = std::vector<std::int64_t>;

constexpr std::string_view kVit = "mllm.model.vision_model.";
constexpr std::string_view kMlp1 = "mllm.model.mlp1.";
constexpr std::string_view kLlm = "mllm.model.language_model.base_model.model.";
constexpr std::string_view kProjector = "text_hidden_fcs.";
constexpr std::string_view kSam = "grounding_encoder.sam2_model.";
constexpr std::string_view kMaskDecoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
constexpr std::string_view kTextDecoder = "grounding_encoder.text_mask_decoder.";

// [SEG] <p> </p> <vp> </vp>: rows of both matrices beyond the published language model.
constexpr std::int64_t kAddedTokens = 5;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Collects parameters under a growing prefix.
class List {
 public:
  explicit List(std::vector<Parameter>& out) : out_(out) {}

  void tensor(std::string name, Shape shape) {
    out_.push_back({std::move(name), std::move(shape)});
  }
  void norm(const std::string& name, std::int64_t width) {
    tensor(name + ".weight", {width});
    tensor(name + ".bias", {width});
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias = true) {
    tensor(name + ".weight", {out, in});
    if (bias) tensor(name + ".bias", {out});
  }
  void conv(const std::string& name, Shape weight, std::int64_t out) {
    tensor(name + ".weight", std::move(weight));
    tensor(name + ".bias", {out});
  }
  // `layers.0 .. layers.{depth-1}` of widths in, hidden, ..., out.
  void mlp(const std::string& name, std::int64_t in, std::int64_t hidden, std::int64_t out,
           int depth) {
    for (int i = 0; i < depth; ++i)
      linear(fmt::format("{}.layers.{}", name, i), i + 1 == depth ? out : hidden,
             i == 0 ? in : hidden);
  }

 private:
  std::vector<Parameter>& out_;
};

void add_vit(List& list, const config::VitConfig& vit) {
  const std::string base(kVit);
  const std::int64_t width = vit.hidden_size;
  list.tensor(base + "embeddings.class_embedding", {1, 1, width});
  list.tensor(base + "embeddings.position_embedding", {1, vit.grid() * vit.grid() + 1, width});
  list.conv(base + "embeddings.patch_embedding", {width, 3, vit.patch_size, vit.patch_size}, width);
  for (std::int64_t i = 0; i < vit.num_hidden_layers; ++i) {
    const std::string layer = fmt::format("{}encoder.layers.{}", base, i);
    list.tensor(layer + ".ls1", {width});
    list.tensor(layer + ".ls2", {width});
    list.linear(layer + ".attn.qkv", 3 * width, width, vit.qkv_bias);
    list.linear(layer + ".attn.proj", width, width);
    list.linear(layer + ".mlp.fc1", vit.intermediate_size, width);
    list.linear(layer + ".mlp.fc2", width, vit.intermediate_size);
    list.norm(layer + ".norm1", width);
    list.norm(layer + ".norm2", width);
  }
}

void add_mlp1(List& list, const config::ModelConfig& config) {
  const std::string base(kMlp1);
  const std::int64_t in = 4 * config.vit.hidden_size;
  list.norm(base + "0", in);
  list.linear(base + "1", config.llm.hidden_size, in);
  list.linear(base + "3", config.llm.hidden_size, config.llm.hidden_size);
}

void add_llm(List& list, const config::LlmConfig& llm) {
  const std::string base(kLlm);
  const std::int64_t width = llm.hidden_size;
  const std::int64_t kv = llm.num_key_value_heads * llm.head_dim();
  const auto wrapped = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    list.linear(name + ".base_layer", out, in, bias);
    list.tensor(name + ".lora_A.default.weight", {llm.lora.r, in});
    list.tensor(name + ".lora_B.default.weight", {out, llm.lora.r});
  };
  list.tensor(base + "model.embed_tokens.weight", {llm.vocab_size, width});
  for (std::int64_t i = 0; i < llm.num_hidden_layers; ++i) {
    const std::string layer = fmt::format("{}model.layers.{}", base, i);
    wrapped(layer + ".self_attn.q_proj", width, width, true);
    wrapped(layer + ".self_attn.k_proj", kv, width, true);
    wrapped(layer + ".self_attn.v_proj", kv, width, true);
    wrapped(layer + ".self_attn.o_proj", width, width, false);
    wrapped(layer + ".mlp.gate_proj", llm.intermediate_size, width, false);
    wrapped(layer + ".mlp.up_proj", llm.intermediate_size, width, false);
    wrapped(layer + ".mlp.down_proj", width, llm.intermediate_size, false);
    list.tensor(layer + ".input_layernorm.weight", {width});
    list.tensor(layer + ".post_attention_layernorm.weight", {width});
  }
  list.tensor(base + "model.norm.weight", {width});
  list.tensor(base + "lm_head.weight", {llm.vocab_size, width});
}

void add_decoupler(List& list, const config::ModelConfig& config, const Preset& preset) {
  const std::int64_t dim = config.sam2.dim;
  const std::int64_t width = config.llm.hidden_size;
  const bool stem = config.decoupler.stem == "mlp" || !preset.decoupler;
  if (stem) {
    list.linear("text_hidden_fcs.0", width, width);
    list.linear("text_hidden_fcs.2", dim, width);
  }
  if (preset.decoupler) {
    list.linear("decoupler.linear_text", dim, stem ? dim : width);
    list.linear("decoupler.linear_vision", dim, stem ? dim : width);
  }
  if (preset.decoupler || preset.phase_a) list.linear("decoupler.linear_real_text", dim, width);
  if (!preset.decoupler) return;
  for (const char* side : {"disc_text", "disc_vision"}) {
    std::int64_t in = dim;
    std::size_t layer = 0;
    for (const std::int64_t out : config.decoupler.adv.hidden) {
      list.linear(fmt::format("decoupler.{}.layers.{}", side, layer++), out, in);
      in = out;
    }
    list.linear(fmt::format("decoupler.{}.layers.{}", side, layer), 1, in);
  }
  const auto& club = config.decoupler.club;
  list.linear("decoupler.club.trunk", club.hidden, dim);
  list.linear("decoupler.club.pi", club.mixture_k, club.hidden);
  list.linear("decoupler.club.mu", club.mixture_k * dim, club.hidden);
  list.linear("decoupler.club.logvar", club.mixture_k * dim, club.hidden);
}

void add_hiera(List& list, const config::SamConfig& sam) {
  const std::string base = std::string(kSam) + "image_encoder.";
  const auto& hiera = sam.hiera;
  const std::int64_t width0 = hiera.embed_dim;
  list.tensor(base + "trunk.pos_embed",
              {1, width0, hiera.pos_embed_bkg[0], hiera.pos_embed_bkg[1]});
  list.tensor(base + "trunk.pos_embed_window",
              {1, width0, hiera.window_spec[0], hiera.window_spec[0]});
  list.conv(base + "trunk.patch_embed.proj", {width0, 3, 7, 7}, width0);
  std::vector<std::int64_t> stage_width;
  std::int64_t width = width0;
  int block = 0;
  for (std::size_t stage = 0; stage < hiera.stages.size(); ++stage) {
    for (std::int64_t i = 0; i < hiera.stages[stage]; ++i, ++block) {
      const std::int64_t in = width;
      if (stage > 0 && i == 0) width *= 2;
      const std::string name = fmt::format("{}trunk.blocks.{}", base, block);
      const auto hidden = static_cast<std::int64_t>(static_cast<double>(width) * hiera.mlp_ratio);
      list.norm(name + ".norm1", in);
      list.linear(name + ".attn.qkv", 3 * width, in);
      list.linear(name + ".attn.proj", width, width);
      list.norm(name + ".norm2", width);
      list.linear(name + ".mlp.layers.0", hidden, width);
      list.linear(name + ".mlp.layers.1", width, hidden);
      if (in != width) list.linear(name + ".proj", width, in);
    }
    stage_width.push_back(width);
  }
  for (std::size_t i = 0; i < stage_width.size(); ++i) {
    const std::int64_t in = stage_width[stage_width.size() - 1 - i];
    list.conv(fmt::format("{}neck.convs.{}.conv", base, i), {sam.dim, in, 1, 1}, sam.dim);
  }
}

void add_prompt_encoder(List& list, const config::SamConfig& sam) {
  const std::string base = std::string(kSam) + "sam_prompt_encoder.";
  const std::int64_t quarter = sam.mask_in_chans / 4;
  list.tensor(base + "pe_layer.positional_encoding_gaussian_matrix", {2, sam.dim / 2});
  for (int i = 0; i < 4; ++i)
    list.tensor(fmt::format("{}point_embeddings.{}.weight", base, i), {1, sam.dim});
  list.tensor(base + "not_a_point_embed.weight", {1, sam.dim});
  list.conv(base + "mask_downscaling.0", {quarter, 1, 2, 2}, quarter);
  list.norm(base + "mask_downscaling.1", quarter);
  list.conv(base + "mask_downscaling.3", {sam.mask_in_chans, quarter, 2, 2}, sam.mask_in_chans);
  list.norm(base + "mask_downscaling.4", sam.mask_in_chans);
  list.conv(base + "mask_downscaling.6", {sam.dim, sam.mask_in_chans, 1, 1}, sam.dim);
  list.tensor(base + "no_mask_embed.weight", {1, sam.dim});
}

void add_mask_decoder(List& list, const config::SamConfig& sam, std::string_view prefix) {
  const std::string base(prefix);
  const std::int64_t dim = sam.dim;
  const auto attention = [&](const std::string& name, std::int64_t inner) {
    list.linear(name + ".q_proj", inner, dim);
    list.linear(name + ".k_proj", inner, dim);
    list.linear(name + ".v_proj", inner, dim);
    list.linear(name + ".out_proj", dim, inner);
  };
  for (std::int64_t i = 0; i < sam.decoder_layers; ++i) {
    const std::string layer = fmt::format("{}transformer.layers.{}", base, i);
    attention(layer + ".self_attn", dim);
    list.norm(layer + ".norm1", dim);
    attention(layer + ".cross_attn_token_to_image", dim / 2);
    list.norm(layer + ".norm2", dim);
    list.linear(layer + ".mlp.layers.0", sam.decoder_mlp_dim, dim);
    list.linear(layer + ".mlp.layers.1", dim, sam.decoder_mlp_dim);
    list.norm(layer + ".norm3", dim);
    list.norm(layer + ".norm4", dim);
    attention(layer + ".cross_attn_image_to_token", dim / 2);
  }
  attention(base + "transformer.final_attn_token_to_image", dim / 2);
  list.norm(base + "transformer.norm_final_attn", dim);
  list.tensor(base + "iou_token.weight", {1, dim});
  list.tensor(base + "mask_tokens.weight", {4, dim});
  list.tensor(base + "obj_score_token.weight", {1, dim});
  list.conv(base + "output_upscaling.0", {dim, dim / 4, 2, 2}, dim / 4);
  list.norm(base + "output_upscaling.1", dim / 4);
  list.conv(base + "output_upscaling.3", {dim / 4, dim / 8, 2, 2}, dim / 8);
  list.conv(base + "conv_s0", {dim / 8, dim, 1, 1}, dim / 8);
  list.conv(base + "conv_s1", {dim / 4, dim, 1, 1}, dim / 4);
  for (int i = 0; i < 4; ++i)
    list.mlp(fmt::format("{}output_hypernetworks_mlps.{}", base, i), dim, dim, dim / 8, 3);
  list.mlp(base + "iou_prediction_head", dim, sam.iou_head_hidden_dim, 4,
           static_cast<int>(sam.iou_head_depth));
  list.mlp(base + "pred_obj_score_head", dim, dim, 1, 3);
}

// What tracking needs: the memory of SAM-2.
void add_memory(List& list, const config::SamConfig& sam) {
  const std::string base(kSam);
  const std::int64_t dim = sam.dim;
  const std::int64_t mem = sam.mem_dim;
  list.tensor(base + "maskmem_tpos_enc", {sam.num_maskmem, 1, 1, mem});
  list.tensor(base + "no_mem_embed", {1, 1, dim});
  list.tensor(base + "no_mem_pos_enc", {1, 1, dim});
  list.tensor(base + "no_obj_ptr", {1, dim});
  if (sam.version == "2.1") list.tensor(base + "no_obj_embed_spatial", {1, mem});
  list.conv(base + "mask_downsample", {1, 1, 4, 4}, 1);
  for (std::int64_t i = 0; i < sam.mem_layers; ++i) {
    const std::string layer = fmt::format("{}memory_attention.layers.{}", base, i);
    for (const char* name : {".self_attn", ".cross_attn_image"}) {
      const std::int64_t kv = std::string_view(name) == ".self_attn" ? dim : mem;
      list.linear(layer + name + ".q_proj", dim, dim);
      list.linear(layer + name + ".k_proj", dim, kv);
      list.linear(layer + name + ".v_proj", dim, kv);
      list.linear(layer + name + ".out_proj", dim, dim);
    }
    list.linear(layer + ".linear1", sam.mem_mlp_dim, dim);
    list.linear(layer + ".linear2", dim, sam.mem_mlp_dim);
    for (int n = 1; n <= 3; ++n) list.norm(fmt::format("{}.norm{}", layer, n), dim);
  }
  list.norm(base + "memory_attention.norm", dim);
  const std::string encoder = base + "memory_encoder.";
  constexpr std::array<std::int64_t, 5> kChannels = {1, 4, 16, 64, 256};
  for (std::size_t i = 0; i < 4; ++i) {
    list.conv(fmt::format("{}mask_downsampler.encoder.{}", encoder, 3 * i),
              {kChannels[i + 1], kChannels[i], 3, 3}, kChannels[i + 1]);
    list.norm(fmt::format("{}mask_downsampler.encoder.{}", encoder, 3 * i + 1), kChannels[i + 1]);
  }
  list.conv(encoder + "mask_downsampler.encoder.12", {dim, 256, 1, 1}, dim);
  list.conv(encoder + "pix_feat_proj", {dim, dim, 1, 1}, dim);
  for (int i = 0; i < 2; ++i) {
    const std::string layer = fmt::format("{}fuser.layers.{}", encoder, i);
    list.tensor(layer + ".gamma", {dim});
    list.conv(layer + ".dwconv", {dim, 1, 7, 7}, dim);
    list.norm(layer + ".norm", dim);
    list.linear(layer + ".pwconv1", 4 * dim, dim);
    list.linear(layer + ".pwconv2", dim, 4 * dim);
  }
  list.conv(encoder + "out_proj", {mem, dim, 1, 1}, mem);
  list.mlp(base + "obj_ptr_proj", dim, dim, dim, 3);
  if (sam.version == "2.1") list.linear(base + "obj_ptr_tpos_proj", mem, dim);
}

bool is_untrained_head(std::string_view name, const config::ModelConfig& config) {
  if (contains(name, "pred_obj_score_head.")) return true;
  return contains(name, "iou_prediction_head.") && config.loss.iou_weight == 0;
}

bool trains_in_a(std::string_view name, const config::ModelConfig& config) {
  if (name.starts_with("decoupler.linear_real_text.") || name.starts_with(kTextDecoder))
    return true;
  return config.sam2.train_encoder == "phase_a" && name.starts_with(kSam) &&
         contains(name, ".image_encoder.");
}

bool trains_in_llm(std::string_view name, const config::ModelConfig& config) {
  return config.llm.train_base || contains(name, ".lora_") ||
         name.ends_with("embed_tokens.weight") || name.ends_with("lm_head.weight");
}

}  // namespace

std::int64_t Parameter::numel() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

Preset preset_of(config::Preset preset) {
  const bool decoupling = config::has_decoupling(preset);
  return {config::has_phase_a(preset), decoupling, decoupling,
          preset == config::Preset::BaselinePretrain};
}

Preset preset_of(const config::Config& config) {
  Preset preset = preset_of(config.preset);
  preset.zero_missing = config.optim.missing_grad == config::MissingGrad::Zero;
  return preset;
}

std::vector<Parameter> inventory(const config::ModelConfig& config, const Preset& preset) {
  std::vector<Parameter> out;
  List list(out);
  add_vit(list, config.vit);
  add_mlp1(list, config);
  add_llm(list, config.llm);
  add_decoupler(list, config, preset);
  add_hiera(list, config.sam2);
  add_prompt_encoder(list, config.sam2);
  add_mask_decoder(list, config.sam2, kMaskDecoder);
  if (preset.decoupler || preset.phase_a) add_mask_decoder(list, config.sam2, kTextDecoder);
  add_memory(list, config.sam2);
  if (preset.decoupler && config.decoupler.fusion_mode == "gate")
    list.linear("fusion.gate", 1, 2 * config.sam2.dim);
  return out;
}

Role owner(std::string_view name) {
  if (name.starts_with("mllm.")) return Role::Mllm;
  if (name.starts_with("grounding_encoder.") || name.starts_with("fusion.")) return Role::Sam2;
  return Role::Decoupler;
}

bool has_own_optimizer(std::string_view name) {
  return name.starts_with("decoupler.disc_") || name.starts_with("decoupler.club.");
}

bool trains(std::string_view name, const config::ModelConfig& config, const Preset& preset,
            Phase phase) {
  if (has_own_optimizer(name)) return false;
  if (is_untrained_head(name, config) && !preset.zero_missing) return false;
  if (name.ends_with("positional_encoding_gaussian_matrix")) return false;
  if (phase == Phase::A) return trains_in_a(name, config);
  if (name.starts_with(kMlp1) || name.starts_with(kProjector)) return true;
  if (name.starts_with(kVit)) return config.vit.train;
  if (name.starts_with(kLlm)) return trains_in_llm(name, config);
  if (name.starts_with(kMaskDecoder)) return true;
  if (!preset.decoupler) return false;
  if (name.starts_with("decoupler.linear_text.") || name.starts_with("decoupler.linear_vision."))
    return true;
  if (phase != Phase::C) return false;
  if (name.starts_with("fusion.gate.")) return true;
  return contains(name, ".mask_downscaling.") && config.decoupler.reprompt_enabled &&
         config.decoupler.reprompt_train_mask_encoder;
}

std::vector<Count> count_parts(const config::ModelConfig& config, const Preset& preset) {
  std::vector<Count> parts = {{"InternViT"}, {"mlp1"},
                              {"LLM"},       {"added token rows"},
                              {"LoRA"},      {"[SEG] projector"},
                              {"SAM-2"},     {"DeSa2VA additions"}};
  for (const Parameter& parameter : inventory(config, preset)) {
    const std::string_view name = parameter.name;
    std::size_t part = 7;
    if (name.starts_with(kVit))
      part = 0;
    else if (name.starts_with(kMlp1))
      part = 1;
    else if (name.starts_with(kLlm))
      part = contains(name, ".lora_") ? 4 : 2;
    else if (name.starts_with(kProjector))
      part = 5;
    else if (name.starts_with(kSam))
      part = 6;
    // The Fourier matrix is a buffer of the published models: a tensor of the file, no parameter.
    if (!name.ends_with("positional_encoding_gaussian_matrix"))
      parts[part].parameters += parameter.numel();
    ++parts[part].tensors;
    if (name.ends_with("embed_tokens.weight") || name.ends_with("lm_head.weight")) {
      parts[2].parameters -= kAddedTokens * config.llm.hidden_size;
      parts[3].parameters += kAddedTokens * config.llm.hidden_size;
    }
  }
  return parts;
}

}  // namespace desa2va::parameters
