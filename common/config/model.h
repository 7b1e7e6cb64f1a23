#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The sizes and switches of the model, as plain values. Names are the config keys with the section
// before them (`vit.hidden_size`); defaults are the published 1B system (docs/model.md).
namespace desa2va::config {

// InternViT-300M-448px and its projector `mlp1`.
struct VitConfig {
  std::int64_t image_size = 448;  // pixels a side of one tile
  std::int64_t patch_size = 14;   // pixels
  std::int64_t hidden_size = 1024;
  std::int64_t num_hidden_layers = 24;
  std::int64_t num_attention_heads = 16;
  std::int64_t intermediate_size = 4096;
  double layer_norm_eps = 1e-6;
  bool qkv_bias = true;
  double position_scale = 1.0;  // multiplies the initial position embedding (tiny: 0.02)
  bool train = false;           // only for models without pretrained weights
  std::int64_t min_tiles = 1;   // dynamic tiling of images
  std::int64_t max_tiles = 12;
  bool use_thumbnail = true;

  std::int64_t grid() const { return image_size / patch_size; }
  // Language model positions of one tile, after the 2x2 pixel shuffle.
  std::int64_t tokens_per_tile() const { return grid() * grid() / 4; }
};

struct LoraConfig {
  std::int64_t r = 128;
  double alpha = 256;
  double dropout = 0.05;
  double scaling() const { return alpha / static_cast<double>(r); }
};

// Qwen2.5.
struct LlmConfig {
  std::int64_t vocab_size = 151679;
  std::int64_t hidden_size = 896;
  std::int64_t num_hidden_layers = 24;
  std::int64_t num_attention_heads = 14;
  std::int64_t num_key_value_heads = 2;
  std::int64_t intermediate_size = 4864;
  double rope_theta = 1e6;
  double rms_norm_eps = 1e-6;
  double initializer_range = 0.02;
  bool tie_word_embeddings = false;
  bool train_base = false;         // also the base weights: models without pretrained weights
  std::int64_t max_length = 8192;  // tokens of one sample; longer ones are cut at the end
  LoraConfig lora;

  std::int64_t head_dim() const { return hidden_size / num_attention_heads; }
};

// Hiera of SAM-2 with its neck.
struct HieraConfig {
  std::int64_t embed_dim = 144;
  std::int64_t num_heads = 2;
  std::vector<std::int64_t> stages = {2, 6, 36, 4};
  std::vector<std::int64_t> window_spec = {8, 4, 16, 8};
  std::vector<std::int64_t> global_att_blocks = {23, 33, 43};
  std::array<std::int64_t, 2> pos_embed_bkg = {7, 7};
  std::int64_t q_pool = 3;
  double mlp_ratio = 4;
  std::vector<std::int64_t> fpn_top_down_levels = {2, 3};
};

// SAM-2: encoder, prompt encoder, mask decoder, memory.
struct SamConfig {
  std::string variant = "hiera_l";  // hiera_t | hiera_s | hiera_b+ | hiera_l | custom
  std::string version = "2.0";
  std::int64_t image_size = 1024;  // pixels a side
  std::int64_t dim = 256;          // width of prompts and decoder
  HieraConfig hiera;
  std::int64_t decoder_layers = 2;
  std::int64_t decoder_heads = 8;
  std::int64_t decoder_mlp_dim = 2048;
  std::int64_t iou_head_depth = 3;
  std::int64_t iou_head_hidden_dim = 256;
  std::int64_t mask_in_chans = 16;
  std::int64_t mem_dim = 64;
  std::int64_t mem_layers = 4;  // of the memory attention
  std::int64_t mem_mlp_dim = 2048;
  std::int64_t num_maskmem = 7;            // frames remembered at once
  std::string mask_select = "argmax_iou";  // | fixed (mask token 1)
  std::string train_encoder = "never";     // | phase_a
  bool visual_from_text_after_a = false;
  std::int64_t fixed_objects = 5;  // objects a frame, by repeating or drawing

  std::int64_t grid() const { return image_size / 16; }
  std::int64_t mask_size() const { return image_size / 4; }
};

struct ClubConfig {
  std::int64_t mixture_k = 4;
  std::int64_t hidden = 512;
  bool standardize = true;
  std::int64_t update_every = 5;  // optimizer updates
  std::int64_t inner_steps = 5;
  std::int64_t fifo_size = 256;  // pairs
  double lr = 1e-4;
  double weight = 0.01;
  std::optional<double> clamp_min = 0.0;  // nullopt: no clamp
};

struct AdversarialConfig {
  std::string objective = "cross";    // | own | eq3 | off
  std::string order = "after";        // | before (one process only)
  std::string grl_schedule = "dann";  // | constant
  double grl_lambda = 1.0;            // of `constant`
  double leaky_slope = 0.2;
  std::vector<std::int64_t> hidden = {256, 128};
  double lr = 1e-4;
  double weight = 0.1;
};

struct DecouplerConfig {
  std::string input = "seg_shared";
  std::string stem = "mlp";  // | none
  std::string init = "identity_vision";
  std::string real_text_source = "llm_text";      // `real_text.source`: | embed_mean | llm_answer
  std::string real_text_embeddings = "snapshot";  // `real_text.embeddings`: | current
  std::int64_t real_text_max_tokens = 64;
  std::string label_mask_target = "hard";  // `label_mask.target`: | soft
  std::int64_t label_mask_min_area = 1;    // `label_mask.min_area`, pixels at decoder size
  AdversarialConfig adv;
  ClubConfig club;
  std::string ortho_features = "prompt";  // `ortho.features`: | mask_token | mask
  std::string ortho_form = "cross";       // `ortho.form`: | pair
  double ortho_weight = 0.1;
  std::string fusion_mode = "gate";  // `fusion.mode`: | mean | iou | max | prob_mean | visual
  bool reprompt_enabled = true;      // `reprompt.enabled`
  double reprompt_train_prob = 0.5;
  bool reprompt_train_mask_encoder = true;
  double reprompt_clamp = 32;
  double align_weight = 0;       // `align.weight`
  double align_until = 1;        // fraction of B + C
  std::string align_on = "h_t";  // | both
  double prompt_gain = 1;        // `init.prompt_gain`
  double real_text_gain = 1;     // `init.real_text_gain`
};

struct LossConfig {
  double w_visual = 1, w_text = 1, w_fused = 1;
  std::string mask_ce = "bce";  // | mse
  double mask_weight = 2.0;
  double dice_weight = 0.5;
  double dice_eps = 1.0;
  bool sample_points = true;
  std::int64_t num_points = 12544;
  double oversample_ratio = 3.0;
  double importance_sample_ratio = 0.75;
  double iou_weight = 0;
};

struct ModelConfig {
  VitConfig vit;
  LlmConfig llm;
  SamConfig sam2;
  DecouplerConfig decoupler;
  LossConfig loss;
  std::string embed_init = "normal";  // `embed.init`: | mean
  std::string init_from;  // `init.from`: directory with the first weights; load() makes it absolute
};

}  // namespace desa2va::config
