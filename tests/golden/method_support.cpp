#include "tests/golden/method_support.h"

#include <array>

#include <ATen/ops/tensor.h>

namespace desa2va::golden {

using nlohmann::json;
using Longs = std::vector<std::int64_t>;

Longs to_longs(const at::Tensor& tensor) {
  const auto flat = tensor.to(at::kCPU, at::kLong).contiguous();
  const auto* data = flat.const_data_ptr<std::int64_t>();
  return {data, data + flat.numel()};
}

at::Tensor to_tensor(const Longs& values) {
  return at::tensor(values, at::kLong);
}

config::LossConfig loss_config(const json& c) {
  config::LossConfig loss;
  loss.mask_ce = c.at("mask_ce");
  loss.mask_weight = c.at("mask_weight");
  loss.dice_weight = c.at("dice_weight");
  loss.dice_eps = c.at("dice_eps");
  loss.sample_points = c.at("sample_points");
  loss.num_points = c.at("num_points");
  loss.oversample_ratio = c.at("oversample_ratio");
  loss.importance_sample_ratio = c.at("importance_sample_ratio");
  loss.w_visual = c.value("w_visual", 1.0);
  loss.w_text = c.value("w_text", 1.0);
  loss.w_fused = c.value("w_fused", 1.0);
  return loss;
}

config::ClubConfig club_config(const json& c) {
  config::ClubConfig club;
  club.mixture_k = c.at("mixture_k");
  club.hidden = c.at("hidden");
  club.standardize = c.at("standardize");
  club.weight = c.value("weight", club.weight);
  club.clamp_min.reset();
  if (c.contains("clamp_min") && !c["clamp_min"].is_null()) club.clamp_min = c["clamp_min"];
  return club;
}

config::SamConfig sam_config(const json& c) {
  config::SamConfig sam;
  sam.image_size = c.at("image_size");
  sam.dim = c.at("dim");
  sam.hiera.embed_dim = c.at("embed_dim");
  sam.hiera.num_heads = c.at("num_heads");
  sam.hiera.stages = c.at("stages").get<Longs>();
  sam.hiera.window_spec = c.at("window_spec").get<Longs>();
  sam.hiera.global_att_blocks = c.at("global_blocks").get<Longs>();
  sam.hiera.pos_embed_bkg = c.at("pos_embed_grid").get<std::array<std::int64_t, 2>>();
  sam.decoder_layers = c.at("decoder_depth");
  sam.decoder_heads = c.at("decoder_heads");
  sam.decoder_mlp_dim = c.at("decoder_mlp_dim");
  sam.iou_head_hidden_dim = c.at("iou_hidden");
  sam.mask_in_chans = c.at("mask_in_chans");
  return sam;
}

config::HieraConfig trunk_config(const json& trunk, const json& neck) {
  TORCH_CHECK(trunk.at("patch_kernel") == 7 && trunk.at("patch_stride") == 4 &&
                  trunk.at("dim_mul") == 2.0 && trunk.at("head_mul") == 2.0,
              "this trunk is another one than SAM-2's kind");
  config::HieraConfig config;
  config.embed_dim = trunk.at("embed_dim");
  config.num_heads = trunk.at("num_heads");
  config.stages = trunk.at("stages").get<Longs>();
  config.window_spec = trunk.at("window_spec").get<Longs>();
  config.global_att_blocks = trunk.at("global_att_blocks").get<Longs>();
  config.pos_embed_bkg =
      trunk.at("window_pos_embed_bkg_spatial_size").get<std::array<std::int64_t, 2>>();
  config.q_pool = trunk.at("q_pool");
  config.mlp_ratio = trunk.at("mlp_ratio");
  config.fpn_top_down_levels = neck.at("fpn_top_down_levels").get<Longs>();
  return config;
}

models::DrawObjects stored_draws(const at::Tensor& permutations) {
  return [permutations](std::int64_t draw, std::int64_t, std::int64_t, std::int64_t) {
    return to_longs(permutations[draw]);
  };
}

void ask_gradients(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) tensor.requires_grad_(true);
}

}  // namespace desa2va::golden
