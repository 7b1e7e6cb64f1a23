#pragma once

#include <memory>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/sam2/image_encoder.h"
#include "common/models/sam2/mask_decoder.h"
#include "common/models/sam2/memory_attention.h"
#include "common/models/sam2/memory_encoder.h"
#include "common/models/sam2/prompt_encoder.h"

// SAM-2 as one module with the official names of all its tensors: the image path (`image_encoder`,
// `sam_prompt_encoder`, `sam_mask_decoder`), which training uses, and the memory, which only
// tracking does.
namespace desa2va::models::sam2 {

class Sam2Model : public torch::nn::Module {
 public:
  explicit Sam2Model(const config::SamConfig& config);

  std::shared_ptr<ImageEncoder> image_encoder;
  std::shared_ptr<PromptEncoder> prompt_encoder;
  std::shared_ptr<MaskDecoder> mask_decoder;
  at::Tensor no_mem_embed;  // (1, 1, C): stands for the memory on frames that have none

  std::shared_ptr<MemoryAttention> memory_attention;
  std::shared_ptr<MemoryEncoder> memory_encoder;
  std::shared_ptr<Conv2d> mask_downsample;  // a mask prompt, for the pointer alone
  std::shared_ptr<Mlp> obj_ptr_proj;
  std::shared_ptr<Linear> obj_ptr_tpos_proj;  // 2.1
  at::Tensor maskmem_tpos_enc;                // (num_maskmem, 1, 1, mem_dim)
  at::Tensor no_obj_ptr;                      // (1, C)
  at::Tensor no_obj_embed_spatial;            // (1, mem_dim), 2.1
};

}  // namespace desa2va::models::sam2
