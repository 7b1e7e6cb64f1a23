#pragma once

#include <array>
#include <memory>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/sam2/layers.h"
#include "common/models/sam2/transformer.h"

// Image features and prompts to masks (model 4.4; reference sam2/modeling/sam/mask_decoder.py).
// Owns conv_s0 and conv_s1, so it starts from the raw pyramid and two decoders can share an
// encoder.
namespace desa2va::models::sam2 {

// F frames, N entries; every entry names its frame, so features are stored once per frame.
struct DecoderInput {
  at::Tensor src;          // (F, C, h, w): P3 + no_mem_embed, or the memory-attended features
  at::Tensor p1, p2;       // (F, C, 4h, 4w), (F, C, 2h, 2w): raw pyramid levels
  at::Tensor image_pe;     // (1, C, h, w)
  at::Tensor sparse;       // (N, n, C)
  at::Tensor dense;        // (1, C, 1, 1) for all, or (N, C, h, w)
  at::Tensor frame_index;  // (N) int64; undefined where N == F, entry i on frame i
};

// All float32, whatever the decoder computes in.
struct DecoderOutput {
  at::Tensor hyper;     // (N, 4, C/8): the mask tokens as filters
  at::Tensor upscaled;  // (N, 16 hw, C/8): pixels by cell of the grid, then half, then quarter
  std::array<std::int64_t, 2> grid;  // h, w
  at::Tensor mask_tokens;            // (N, 4, C)
  at::Tensor object_token;           // (N, C): input of the object-score head
  at::Tensor iou;                    // (N, 4) predicted
};

// The mask that goes on: one of masks 1..3.
struct SelectedMask {
  at::Tensor best;    // (N) int64, 0-based among masks 1..3
  at::Tensor logits;  // (N, 4h, 4w)
  at::Tensor token;   // (N, C)
  at::Tensor iou;     // (N) predicted, detached
};

// Single-mask output with the fall-back for unstable masks (never reached by Sa2VA).
struct StabilityRule {
  bool enabled = false;
  double delta = 0.05;
  double threshold = 0.98;
};
struct SingleMask {
  at::Tensor logits;     // (N, 1, 4h, 4w)
  at::Tensor iou;        // (N, 1)
  at::Tensor token;      // (N, 1, C): always mask token 0
  at::Tensor stability;  // (N, 1)
};

class MaskDecoder : public torch::nn::Module {
 public:
  explicit MaskDecoder(const config::SamConfig& config);

  // Inputs of any floating type; they are rounded to the decoder's here and nowhere before.
  DecoderOutput forward(const DecoderInput& input);
  // Gives all parameters `type`, except those of the two heads: scores choose masks, in float32.
  void compute_in(at::ScalarType type);

  at::Tensor all_masks(const DecoderOutput& output) const;  // (N, 4, 4h, 4w)
  at::Tensor object_score(const DecoderOutput& output);     // (N, 1) logits
  // Hard choice by predicted IoU (argmax_iou), or always the first of the three (fixed).
  SelectedMask select(const DecoderOutput& output, bool argmax_iou) const;
  SingleMask single(const DecoderOutput& output, const StabilityRule& rule) const;

 private:
  std::shared_ptr<TwoWayTransformer> transformer_;
  std::shared_ptr<Embedding> iou_token_, mask_tokens_, obj_score_token_;
  std::shared_ptr<DoublingConv> up1_, up2_;
  std::shared_ptr<LayerNorm2d> up_norm_;
  std::shared_ptr<Conv2d> conv_s0_, conv_s1_;
  std::array<std::shared_ptr<Mlp>, 4> hyper_;
  std::shared_ptr<Mlp> iou_head_, object_head_;
};

}  // namespace desa2va::models::sam2
