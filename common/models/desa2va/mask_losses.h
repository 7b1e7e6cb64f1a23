#pragma once

#include <ATen/core/Tensor.h>

#include "common/config/model.h"
#include "common/models/desa2va/points.h"

// The mask losses (model 6.1-6.3), on sampled points or on all pixels, and the label mask (5.6).
namespace desa2va::models {

// Weighted (2.0, 0.5) but not by w_*. Scalars with a graph.
struct MaskLoss {
  at::Tensor mask, dice;
  // With sampling, for tests: (N, kept) ascending, (N, P), (N, P) as [kept, fresh].
  at::Tensor selected_index, sampled_logits, sampled_targets;
};

// logits, targets: (N, H, W) float; targets below 0 are ignored by BCE but stay in the denominator.
// N = 0 gives zeros. `points` is read where loss.sample_points.
MaskLoss mask_loss(const at::Tensor& logits, const at::Tensor& targets, const PointDraws& points,
                   const config::LossConfig& loss);

// The target of the text branch: from the label logits, (N, H, W), without gradient.
struct LabelMask {
  at::Tensor target;  // (N, H, W) float
  at::Tensor keep;    // (N) bool: false where the label is empty but the ground truth is not
};
LabelMask label_mask(const at::Tensor& label_logits, const at::Tensor& targets, bool soft,
                     std::int64_t min_area);

// Mean over N x 3 of (predicted IoU - IoU of (logit > 0) with the target)^2 (model 5.15).
// predicted: (N, 3) with graph; masks: (N, 3, H, W) logits; targets: (N, H, W).
at::Tensor iou_head_loss(const at::Tensor& predicted, const at::Tensor& masks,
                         const at::Tensor& targets);

}  // namespace desa2va::models
