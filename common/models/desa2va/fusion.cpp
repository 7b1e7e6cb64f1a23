#include "common/models/desa2va/fusion.h"

#include <ATen/Functions.h>

namespace desa2va::models {

Fused fuse(const FusionInput& input, std::string_view mode) {
  const auto& visual = input.visual_logits;
  const auto& text = input.text_logits;
  const auto constant = [&](double value) {
    return at::full({visual.size(0)}, value, visual.options());
  };
  const auto blend = [&](const at::Tensor& alpha) {
    const auto a = alpha.view({-1, 1, 1});
    return Fused{a * visual + (1 - a) * text, alpha};
  };
  if (mode == "gate") {
    const auto both = at::cat({input.h_t, input.h_v}, 1);
    return blend(at::sigmoid(at::linear(both, input.gate_weight, input.gate_bias)).squeeze(1));
  }
  if (mode == "mean") return blend(constant(0.5));
  if (mode == "iou") {
    const auto scores = at::stack({input.iou_visual, input.iou_text}, 1).detach();
    return blend(at::softmax(scores, 1).select(1, 0));
  }
  if (mode == "max") return {at::maximum(visual, text), constant(0.5)};
  if (mode == "prob_mean") {
    const auto p = ((at::sigmoid(visual) + at::sigmoid(text)) / 2).clamp(1e-6, 1 - 1e-6);
    return {at::log(p) - at::log1p(-p), constant(0.5)};
  }
  TORCH_CHECK(mode == "visual", "fusion.mode is '", mode,
              "'; choose gate, mean, iou, max, prob_mean or visual");
  return {visual, constant(1)};
}

}  // namespace desa2va::models
