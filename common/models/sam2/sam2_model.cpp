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
  no_mem_embed =
      register_parameter("no_mem_embed", at::empty({1, 1, config.dim}), /*requires_grad=*/false);
}

}  // namespace desa2va::models::sam2
