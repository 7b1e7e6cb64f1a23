#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

// Fusion of the two branches (model 5.9).
namespace desa2va::models {

struct FusionInput {
  at::Tensor visual_logits, text_logits;  // (N, H, W)
  at::Tensor h_t, h_v;                    // (N, C), read by `gate`
  at::Tensor iou_visual, iou_text;        // (N), read by `iou`, never differentiated
  at::Tensor gate_weight, gate_bias;      // (1, 2C), (1)
};
struct Fused {
  at::Tensor logits;  // (N, H, W)
  at::Tensor alpha;   // (N): share of the visual mask; 0.5 where a mode has no share
};

// mode: gate | mean | iou | max | prob_mean | visual.
Fused fuse(const FusionInput& input, std::string_view mode);

}  // namespace desa2va::models
