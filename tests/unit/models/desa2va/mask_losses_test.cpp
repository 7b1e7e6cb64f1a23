#include "common/models/desa2va/mask_losses.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace desa2va::models {
namespace {

TEST(MaskLoss, IsNearZeroForAConfidentRightMask) {
  config::LossConfig loss;
  loss.sample_points = false;
  auto target = at::zeros({1, 8, 8});
  target.slice(1, 2, 6).fill_(1);
  const auto right = mask_loss(target * 40 - 20, target, {}, loss);
  const auto wrong = mask_loss(20 - target * 40, target, {}, loss);
  EXPECT_LT((right.mask + right.dice).item<double>(), 1e-6);
  EXPECT_GT(wrong.mask.item<double>(), 30);
  EXPECT_GT(wrong.dice.item<double>(), 0.4);
}

TEST(LabelMask, SkipsObjectsWhoseLabelIsEmptyButWhoseTruthIsNot) {
  auto label = at::full({3, 4, 4}, -1.0);
  auto truth = at::zeros({3, 4, 4});
  truth[0].fill_(1);  // label empty, truth not
  label[2].fill_(1);  // label there, truth empty
  const auto mask = label_mask(label, truth, /*soft=*/false, 1);
  EXPECT_FALSE(mask.keep[0].item<bool>());
  EXPECT_TRUE(mask.keep[1].item<bool>());
  EXPECT_TRUE(mask.keep[2].item<bool>());
}

TEST(IouHeadLoss, ComparesWithTheOverlapOfTheThresholdedMasks) {
  auto masks = at::full({1, 3, 2, 2}, -1.0);
  masks[0][0].fill_(1);     // everything: IoU 0.5
  masks[0][1][0].fill_(1);  // the right half: IoU 1
  auto target = at::zeros({1, 2, 2});
  target[0][0].fill_(1);
  const auto exact = iou_head_loss(at::tensor({0.5, 1.0, 0.0}).view({1, 3}), masks, target);
  EXPECT_LT(exact.item<double>(), 1e-12);
  const auto off = iou_head_loss(at::tensor({0.5, 0.0, 0.0}).view({1, 3}), masks, target);
  EXPECT_NEAR(off.item<double>(), 1.0 / 3, 1e-6);
}

}  // namespace
}  // namespace desa2va::models
