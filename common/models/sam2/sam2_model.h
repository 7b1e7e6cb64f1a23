#pragma once

#include <memory>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/sam2/image_encoder.h"
#include "common/models/sam2/mask_decoder.h"
#include "common/models/sam2/prompt_encoder.h"

// SAM-2's image path as one module with the official names: `image_encoder`, `sam_prompt_encoder`,
// `sam_mask_decoder`, `no_mem_embed`.
namespace desa2va::models::sam2 {

class Sam2Model : public torch::nn::Module {
 public:
  explicit Sam2Model(const config::SamConfig& config);

  std::shared_ptr<ImageEncoder> image_encoder;
  std::shared_ptr<PromptEncoder> prompt_encoder;
  std::shared_ptr<MaskDecoder> mask_decoder;
  at::Tensor no_mem_embed;  // (1, 1, C): stands for the memory on frames that have none
};

}  // namespace desa2va::models::sam2
