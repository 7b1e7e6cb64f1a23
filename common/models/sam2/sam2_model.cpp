#include "common/models/sam2/sam2_model.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

Sam2Model::Sam2Model(const config::SamConfig& config) {
  TORCH_CHECK(config.image_size % 32 == 0, "sam2.image_size is ", config.image_size,
              " but must be divisible by 32");
  image_encoder =
      register_module("image_encoder", std::make_shared<ImageEncoder>(config.hiera, config.dim));
  const PromptEncoderShape prompts{config.dim,
                                   {config.grid(), config.grid()},
                                   {config.image_size, config.image_size},
                                   config.mask_in_chans};
  prompt_encoder = register_module("sam_prompt_encoder", std::make_shared<PromptEncoder>(prompts));
  mask_decoder = register_module("sam_mask_decoder", std::make_shared<MaskDecoder>(config));
  const auto table = [this](const char* name, at::IntArrayRef sizes) {
    return register_parameter(name, at::empty(sizes), /*requires_grad=*/false);
  };
  const std::int64_t dim = config.dim, mem = config.mem_dim;
  const bool newer = config.version == "2.1";
  TORCH_CHECK(newer || config.version == "2.0", "sam2.version is '", config.version,
              "'; choose 2.0 or 2.1");
  no_mem_embed = table("no_mem_embed", {1, 1, dim});
  table("no_mem_pos_enc", {1, 1, dim});  // in every checkpoint, read by nobody
  maskmem_tpos_enc = table("maskmem_tpos_enc", {config.num_maskmem, 1, 1, mem});
  no_obj_ptr = table("no_obj_ptr", {1, dim});
  memory_attention = register_module(
      "memory_attention", std::make_shared<MemoryAttention>(MemoryAttentionShape{
                              dim, mem, config.mem_layers, 1, config.mem_mlp_dim, 10000}));
  memory_encoder = register_module("memory_encoder", std::make_shared<MemoryEncoder>(dim, mem));
  mask_downsample = register_module("mask_downsample",
                                    std::make_shared<Conv2d>(1, 1, Conv2d::Options{4, 4, 0, 1}));
  obj_ptr_proj = register_module("obj_ptr_proj", std::make_shared<Mlp>(dim, dim, dim, 3));
  if (newer) {
    no_obj_embed_spatial = table("no_obj_embed_spatial", {1, mem});
    obj_ptr_tpos_proj = register_module("obj_ptr_tpos_proj", std::make_shared<Linear>(dim, mem));
  }
}

}  // namespace desa2va::models::sam2
