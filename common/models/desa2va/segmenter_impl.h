#pragma once

#include <memory>
#include <string_view>

#include <torch/nn/module.h>

#include "common/models/desa2va/mask_losses.h"
#include "common/models/desa2va/segmenter.h"
#include "common/models/sam2/sam2_model.h"

// The parts of SamSegmenter, seen by its own source files and those of the predictors alone.
namespace desa2va::models {

// What a decoder made of a list of prompts, one row per distinct (prompt, frame).
struct Branch {
  sam2::DecoderOutput output;
  sam2::SelectedMask selected;
};

// Entries without repeats: decoding is done once per (prompt, frame), losses once per entry.
struct DistinctEntries {
  std::vector<std::int64_t> prompt_index, frame_index;
  std::vector<std::int64_t> entry_row;  // per entry, its row
  bool repeats() const { return entry_row.size() != prompt_index.size(); }
};
// Every branch on prompts without memory, and what goes on to tracking.
struct Prompted {
  Prediction masks;
  Branch visual;  // of the visual decoder's last pass
};

DistinctEntries distinct(const DecoderEntries& entries);

at::Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device);

struct SamSegmenter::Impl {
  Impl(const config::ModelConfig& config, ModelParts which);

  // Sparse prompts are [two not-a-point rows, h]; dense: (1, C, 1, 1) or one per row.
  Branch decode(sam2::MaskDecoder& decoder, const EncodedFrames& frames, const at::Tensor& h,
                const at::Tensor& frame_index, const at::Tensor& dense);
  // The same on features of the caller's, such as those that looked at a memory; sparse: (N, n, C).
  Branch decode_on(sam2::MaskDecoder& decoder, const at::Tensor& src, const EncodedFrames& frames,
                   const at::Tensor& h, const at::Tensor& frame_index, const at::Tensor& dense);
  // Pass 1, fusion, and with `reprompt` pass 2 and fusion again (model 5.9, 5.11); without a
  // decoupler, or without h_t, the visual pass alone.
  Prompted prompted(const EncodedFrames& frames, const at::Tensor& h_t, const at::Tensor& h_v,
                    const at::Tensor& frame_index, bool reprompt);
  // The fused mask as a dense prompt, detached and clamped (model 5.11).
  at::Tensor mask_prompt(const at::Tensor& fused_logits);

  at::Tensor gate_weight() const { return gate ? gate->weight : at::Tensor(); }
  at::Tensor gate_bias() const { return gate ? gate->bias : at::Tensor(); }

  config::ModelConfig config;
  ModelParts parts;
  std::shared_ptr<torch::nn::Module> root = std::make_shared<torch::nn::Module>();
  std::shared_ptr<sam2::Sam2Model> sam;
  std::shared_ptr<sam2::MaskDecoder> text_decoder;
  std::shared_ptr<Linear> gate;               // where fusion.mode = gate
  std::shared_ptr<sam2::Sam2Model> original;  // keep_original: shares all it does not replace
};

}  // namespace desa2va::models
