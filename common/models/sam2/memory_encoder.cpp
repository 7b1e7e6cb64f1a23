#include "common/models/sam2/memory_encoder.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {
namespace {
// The downsampler's widths, whatever the model's.
constexpr std::array<std::int64_t, 5> kMaskChannels = {1, 4, 16, 64, 256};
}  // namespace

FuserBlock::FuserBlock(std::int64_t dim) {
  gamma_ = register_parameter("gamma", at::empty({dim}), /*requires_grad=*/false);
  dwconv_ =
      register_module("dwconv", std::make_shared<Conv2d>(dim, dim, Conv2d::Options{7, 1, 3, dim}));
  norm_ = register_module("norm", std::make_shared<LayerNorm2d>(dim));
  pwconv1_ = register_module("pwconv1", std::make_shared<Linear>(dim, 4 * dim));
  pwconv2_ = register_module("pwconv2", std::make_shared<Linear>(4 * dim, dim));
}

at::Tensor FuserBlock::forward(const at::Tensor& x) {
  const auto y = norm_->forward(dwconv_->forward(x)).permute({0, 2, 3, 1});
  const auto z = pwconv2_->forward(at::gelu(pwconv1_->forward(y)));
  return x + (gamma_ * z).permute({0, 3, 1, 2});
}

MemoryEncoder::MemoryEncoder(std::int64_t dim, std::int64_t mem_dim) {
  auto downsampler = register_module("mask_downsampler", std::make_shared<torch::nn::Module>());
  auto encoder = downsampler->register_module("encoder", std::make_shared<torch::nn::Module>());
  for (std::size_t i = 0; i < down_.size(); ++i) {
    down_[i] = encoder->register_module(
        std::to_string(3 * i), std::make_shared<Conv2d>(kMaskChannels[i], kMaskChannels[i + 1],
                                                        Conv2d::Options{3, 2, 1, 1}));
    down_norm_[i] = encoder->register_module(std::to_string(3 * i + 1),
                                             std::make_shared<LayerNorm2d>(kMaskChannels[i + 1]));
  }
  down_out_ = encoder->register_module(
      "12", std::make_shared<Conv2d>(kMaskChannels.back(), dim, Conv2d::Options{}));
  pix_feat_proj_ =
      register_module("pix_feat_proj", std::make_shared<Conv2d>(dim, dim, Conv2d::Options{}));
  auto fuser = register_module("fuser", std::make_shared<torch::nn::Module>());
  auto layers = fuser->register_module("layers", std::make_shared<torch::nn::Module>());
  for (int i = 0; i < 2; ++i) {
    fuser_.push_back(layers->register_module(std::to_string(i), std::make_shared<FuserBlock>(dim)));
  }
  out_proj_ =
      register_module("out_proj", std::make_shared<Conv2d>(dim, mem_dim, Conv2d::Options{}));
}

at::Tensor MemoryEncoder::forward(const at::Tensor& features, const at::Tensor& masks) {
  auto m = masks;
  for (std::size_t i = 0; i < down_.size(); ++i) {
    m = at::gelu(down_norm_[i]->forward(down_[i]->forward(m)));
  }
  auto x = pix_feat_proj_->forward(features) + down_out_->forward(m);
  for (const auto& block : fuser_) x = block->forward(x);
  return out_proj_->forward(x);
}

at::Tensor memory_mask(const at::Tensor& logits, bool binarize) {
  const auto mask = binarize ? logits.gt(0).to(logits.scalar_type()) : at::sigmoid(logits);
  return mask * 20.0 - 10.0;
}

}  // namespace desa2va::models::sam2
