#include "common/models/desa2va/mask_losses.h"

#include <limits>

#include <ATen/Functions.h>

#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

// The reference divides by avg_factor + 1e-4 in one place and by + finfo(float32).eps in the next.
constexpr double kDenominatorExtra = 1e-4 + std::numeric_limits<float>::epsilon();

// maps (N, H, W) at points (N, P, 2) in [0, 1]: bilinear, zero outside -> (N, P)
at::Tensor sample(const at::Tensor& maps, const at::Tensor& points) {
  const auto grid = (points * 2 - 1).unsqueeze(1);
  return at::grid_sampler_2d(maps.unsqueeze(1), grid, /*bilinear*/ 0, /*zeros*/ 0,
                             /*align_corners=*/false)
      .flatten(1);
}

// Sum over elements with target >= 0 of BCE or of the squared error.
at::Tensor ce_sum(const at::Tensor& x, const at::Tensor& t, bool mse) {
  const auto counted = (t >= 0).to(x.scalar_type());
  if (mse) return ((at::sigmoid(x) - t).square() * counted).sum();
  return at::binary_cross_entropy_with_logits(x, t, counted, {}, at::Reduction::Sum);
}

// Sum over masks of 1 - Dice; x and t are (N, P).
at::Tensor dice_sum(const at::Tensor& x, const at::Tensor& t, double eps) {
  const auto s = at::sigmoid(x);
  const auto overlap = (s * t).sum(1) * 2 + eps;
  return (1 - overlap / (s.sum(1) + t.sum(1) + eps)).sum();
}

}  // namespace

MaskLoss mask_loss(const at::Tensor& logits, const at::Tensor& targets, const PointDraws& points,
                   const config::LossConfig& loss) {
  TORCH_CHECK(logits.sizes() == targets.sizes() && logits.dim() == 3, "mask loss: logits ",
              logits.sizes(), " and targets ", targets.sizes(), " must both be (N, H, W)");
  const bool mse = loss.mask_ce == "mse";
  const auto n = static_cast<double>(logits.size(0));
  MaskLoss result;
  at::Tensor x, t;
  double ce_denominator, dice_denominator;
  if (loss.sample_points) {
    const auto counts = PointCounts::of(loss);
    if (logits.size(0) == 0) {
      result.selected_index = at::zeros({0, counts.kept}, logits.options().dtype(at::kLong));
      x = at::zeros({0, loss.num_points}, logits.options()) + logits.sum();  // keeps the graph
      t = x.detach();
    } else {
      at::Tensor where;
      {
        const tensor::NoGradient no_gradient;
        const auto candidates = points.uncertainty.to(logits.device());
        const auto certainty = sample(logits.detach(), candidates).abs();
        result.selected_index = std::get<0>(at::sort(
            std::get<1>(at::topk(certainty, counts.kept, 1, /*largest=*/false, /*sorted=*/false)),
            1));
        const auto index = result.selected_index.unsqueeze(2).expand({-1, -1, 2});
        where = at::cat({at::gather(candidates, 1, index), points.fresh.to(logits.device())}, 1);
        t = sample(targets, where);
      }
      x = sample(logits, where);
    }
    result.sampled_logits = x;
    result.sampled_targets = t;
    ce_denominator = n * static_cast<double>(loss.num_points) + kDenominatorExtra;
    dice_denominator = n + kDenominatorExtra;
  } else {
    x = logits.flatten(1);
    t = targets.flatten(1);
    ce_denominator = std::max(static_cast<double>(x.numel()), 1.0);
    dice_denominator = std::max(n, 1.0);
  }
  result.mask = ce_sum(x, t, mse) * (loss.mask_weight / ce_denominator);
  result.dice = dice_sum(x, t, loss.dice_eps) * (loss.dice_weight / dice_denominator);
  return result;
}

LabelMask label_mask(const at::Tensor& label_logits, const at::Tensor& targets, bool soft,
                     std::int64_t min_area) {
  const tensor::NoGradient no_gradient;
  const auto hard = label_logits > 0;
  const auto empty = hard.flatten(1).sum(1) < min_area;
  const auto wanted = targets.flatten(1).ne(0).any(1);
  return {soft ? at::sigmoid(label_logits) : hard.to(at::kFloat), ~(empty & wanted)};
}

at::Tensor iou_head_loss(const at::Tensor& predicted, const at::Tensor& masks,
                         const at::Tensor& targets) {
  at::Tensor iou;
  {
    const tensor::NoGradient no_gradient;
    const auto on = (masks.detach() > 0).to(at::kFloat).flatten(2);
    const auto t = targets.flatten(1).unsqueeze(1);
    const auto overlap = at::minimum(on, t).sum(2);
    iou = overlap / at::maximum(on, t).sum(2).clamp_min(1e-6);
  }
  return (predicted - iou).square().mean();
}

}  // namespace desa2va::models
