#include "common/models/sam2/mask_decoder.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {
namespace {

at::Tensor flat_tokens(const at::Tensor& x) {
  return x.flatten(2).transpose(1, 2);
}

// Note [pixels by cell]
// Doubling twice gives every cell of the image grid 4, then 16 pixels. They stay with their cell,
// in the order (cell, half y, half x, quarter y, quarter x), channels last: both convolutions are
// then plain products, norms and filters read contiguous channels, and nothing is put into rows and
// columns before it is a mask of one channel.

// (F, c, 2h, 2w) -> (F, hw, 4, c)
at::Tensor by_halves(const at::Tensor& x) {
  const auto h = x.size(2) / 2, w = x.size(3) / 2;
  return x.reshape({x.size(0), x.size(1), h, 2, w, 2})
      .permute({0, 2, 4, 3, 5, 1})
      .reshape({x.size(0), h * w, 4, x.size(1)});
}

// (F, c, 4h, 4w) -> (F, 4 hw, 4, c)
at::Tensor by_quarters(const at::Tensor& x) {
  const auto h = x.size(2) / 4, w = x.size(3) / 4;
  return x.reshape({x.size(0), x.size(1), h, 2, 2, w, 2, 2})
      .permute({0, 2, 5, 3, 6, 4, 7, 1})
      .reshape({x.size(0), 4 * h * w, 4, x.size(1)});
}

// filters (N, m, c) x features (N, 16 hw, c) -> (N, m, 4h, 4w)
at::Tensor apply_filters(const at::Tensor& filters, const DecoderOutput& output) {
  const auto n = filters.size(0), m = filters.size(1);
  const auto [h, w] = output.grid;
  return at::bmm(filters, output.upscaled.transpose(1, 2))
      .view({n, m, h, w, 2, 2, 2, 2})
      .permute({0, 1, 2, 4, 6, 3, 5, 7})
      .reshape({n, m, 4 * h, 4 * w});
}

}  // namespace

MaskDecoder::MaskDecoder(const config::SamConfig& config) {
  const std::int64_t dim = config.dim;
  TORCH_CHECK(dim % 8 == 0, "sam2.dim is ", dim, " but must be divisible by 8");
  transformer_ = register_module("transformer", std::make_shared<TwoWayTransformer>(TwoWayShape{
                                                    dim, config.decoder_layers,
                                                    config.decoder_heads, config.decoder_mlp_dim}));
  iou_token_ = register_module("iou_token", std::make_shared<Embedding>(1, dim));
  mask_tokens_ = register_module("mask_tokens", std::make_shared<Embedding>(4, dim));
  obj_score_token_ = register_module("obj_score_token", std::make_shared<Embedding>(1, dim));
  auto up = register_module("output_upscaling", std::make_shared<torch::nn::Module>());
  up1_ = up->register_module("0", std::make_shared<DoublingConv>(dim, dim / 4));
  up_norm_ = up->register_module("1", std::make_shared<LayerNorm2d>(dim / 4));
  up2_ = up->register_module("3", std::make_shared<DoublingConv>(dim / 4, dim / 8));
  conv_s0_ = register_module("conv_s0", std::make_shared<Conv2d>(dim, dim / 8, Conv2d::Options{}));
  conv_s1_ = register_module("conv_s1", std::make_shared<Conv2d>(dim, dim / 4, Conv2d::Options{}));
  auto hyper = register_module("output_hypernetworks_mlps", std::make_shared<torch::nn::Module>());
  for (std::size_t i = 0; i < hyper_.size(); ++i) {
    hyper_[i] =
        hyper->register_module(std::to_string(i), std::make_shared<Mlp>(dim, dim, dim / 8, 3));
  }
  iou_head_ = register_module(
      "iou_prediction_head",
      std::make_shared<Mlp>(dim, config.iou_head_hidden_dim, 4, config.iou_head_depth, true));
  object_head_ = register_module("pred_obj_score_head", std::make_shared<Mlp>(dim, dim, 1, 3));
}

DecoderOutput MaskDecoder::forward(const DecoderInput& input) {
  const std::int64_t n = input.sparse.size(0), dim = input.sparse.size(2);
  TORCH_CHECK(input.frame_index.defined() || n == input.src.size(0), "the decoder got ", n,
              " prompts for ", input.src.size(0), " frames and no frame index");
  const auto type = mask_tokens_->weight.scalar_type();
  const auto fixed =
      at::cat({obj_score_token_->weight, iou_token_->weight, mask_tokens_->weight}, 0);
  const auto tokens = at::cat({fixed.unsqueeze(0).expand({n, 6, dim}), input.sparse.to(type)}, 1);

  // A dense prompt that is the same for all entries keeps the image one per frame.
  const bool shared = input.dense.size(0) == 1 && input.frame_index.defined();
  const auto frames = EntryFrames::of(input.frame_index, input.src.size(0));
  const auto image = shared ? input.src + input.dense : frames.spread(input.src) + input.dense;
  const auto state =
      transformer_->forward(flat_tokens(image.to(type)), flat_tokens(input.image_pe.to(type)),
                            tokens, shared ? frames : EntryFrames{});

  const auto s1 = by_halves(conv_s1_->forward(input.p2.to(type)));
  const auto s0 = by_quarters(conv_s0_->forward(input.p1.to(type)));
  DecoderOutput output;
  output.grid = {input.src.size(2), input.src.size(3)};
  const auto half =
      at::gelu(up_norm_->over_last(frames.add(up1_->forward(state.k), s1))).flatten(1, 2);
  output.upscaled = at::gelu(frames.add(up2_->forward(half), s0)).flatten(1, 2).to(at::kFloat);
  const auto mask_tokens = state.q.slice(1, 2, 6);
  output.mask_tokens = mask_tokens.to(at::kFloat);
  output.object_token = state.q.select(1, 0).to(at::kFloat);
  std::vector<at::Tensor> filters;
  for (std::size_t i = 0; i < hyper_.size(); ++i) {
    filters.push_back(hyper_[i]->forward(mask_tokens.select(1, static_cast<int>(i))));
  }
  output.hyper = at::stack(filters, 1).to(at::kFloat);
  output.iou = iou_head_->forward(state.q.select(1, 1).to(at::kFloat));
  return output;
}

void MaskDecoder::compute_in(at::ScalarType type) {
  for (const auto& child : named_children()) {
    if (child.value() != iou_head_ && child.value() != object_head_) child.value()->to(type);
  }
}

at::Tensor MaskDecoder::all_masks(const DecoderOutput& output) const {
  return apply_filters(output.hyper, output);
}

at::Tensor MaskDecoder::object_score(const DecoderOutput& output) {
  return object_head_->forward(output.object_token);
}

SelectedMask MaskDecoder::select(const DecoderOutput& output, bool argmax_iou) const {
  SelectedMask selected;
  const auto iou = output.iou.detach().slice(1, 1, 4);
  selected.best =
      argmax_iou ? at::argmax(iou, 1) : at::zeros({iou.size(0)}, iou.options().dtype(at::kLong));
  // Only the chosen filter meets the image; the others get zeros as gradients through the gather.
  const auto row = (selected.best + 1).view({-1, 1, 1});
  const auto pick = [&](const at::Tensor& x) {
    return at::gather(x, 1, row.expand({x.size(0), 1, x.size(2)}));
  };
  selected.logits = apply_filters(pick(output.hyper), output).squeeze(1);
  selected.token = pick(output.mask_tokens).squeeze(1);
  selected.iou = at::gather(iou, 1, selected.best.unsqueeze(1)).squeeze(1);
  return selected;
}

SingleMask MaskDecoder::single(const DecoderOutput& output, const StabilityRule& rule) const {
  const auto masks = all_masks(output);
  SingleMask single;
  single.logits = masks.slice(1, 0, 1);
  single.iou = output.iou.slice(1, 0, 1);
  single.token = output.mask_tokens.slice(1, 0, 1);
  const auto flat = single.logits.flatten(2);
  const auto inner = (flat > rule.delta).sum(2).to(at::kFloat);
  const auto outer = (flat > -rule.delta).sum(2).to(at::kFloat);
  single.stability = at::where(outer > 0, inner / outer, at::ones_like(outer));
  if (!rule.enabled) return single;

  const auto best = select(output, true);
  const auto stable = single.stability >= rule.threshold;
  single.logits =
      at::where(stable.unsqueeze(2).unsqueeze(3), single.logits, best.logits.unsqueeze(1));
  single.iou = at::where(stable, single.iou, best.iou.unsqueeze(1));
  return single;
}

}  // namespace desa2va::models::sam2
