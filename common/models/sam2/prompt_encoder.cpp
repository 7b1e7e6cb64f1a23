#include "common/models/sam2/prompt_encoder.h"

#include <ATen/Functions.h>

#include "common/models/sam2/position_encoding.h"

namespace desa2va::models::sam2 {

PromptEncoder::PromptEncoder(const PromptEncoderShape& shape) : shape_(shape) {
  const std::int64_t dim = shape.dim, quarter = shape.mask_in_chans / 4;
  auto pe = register_module("pe_layer", std::make_shared<torch::nn::Module>());
  gaussian_ = pe->register_buffer("positional_encoding_gaussian_matrix", at::empty({2, dim / 2}));
  auto points = register_module("point_embeddings", std::make_shared<torch::nn::Module>());
  for (std::size_t i = 0; i < point_embeddings_.size(); ++i) {
    point_embeddings_[i] =
        points->register_module(std::to_string(i), std::make_shared<Embedding>(1, dim));
  }
  not_a_point_ = register_module("not_a_point_embed", std::make_shared<Embedding>(1, dim));
  auto down = register_module("mask_downscaling", std::make_shared<torch::nn::Module>());
  const auto conv = [](std::int64_t in, std::int64_t out, std::int64_t size) {
    return std::make_shared<Conv2d>(in, out, Conv2d::Options{size, size, 0, 1});
  };
  down1_ = down->register_module("0", conv(1, quarter, 2));
  norm1_ = down->register_module("1", std::make_shared<LayerNorm2d>(quarter));
  down2_ = down->register_module("3", conv(quarter, shape.mask_in_chans, 2));
  norm2_ = down->register_module("4", std::make_shared<LayerNorm2d>(shape.mask_in_chans));
  down3_ = down->register_module("6", conv(shape.mask_in_chans, dim, 1));
  no_mask_ = register_module("no_mask_embed", std::make_shared<Embedding>(1, dim));
}

at::Tensor PromptEncoder::encode(const at::Tensor& coordinates) {
  const auto extent = at::tensor({static_cast<double>(shape_.image_size[1]),
                                  static_cast<double>(shape_.image_size[0])},
                                 at::TensorOptions().dtype(gaussian_.scalar_type()))
                          .to(gaussian_.device());
  return fourier_encoding((coordinates.to(gaussian_.scalar_type()) + 0.5) / extent, gaussian_);
}

at::Tensor PromptEncoder::sparse(const at::Tensor& points, const at::Tensor& labels,
                                 const at::Tensor& boxes) {
  std::vector<at::Tensor> parts;
  if (points.defined()) {
    TORCH_CHECK(points.dim() == 3 && labels.dim() == 2 && points.size(1) == labels.size(1),
                "points are (B, P, 2) with labels (B, P), not ", points.sizes(), " with ",
                labels.sizes());
    auto embedded = encode(points);
    auto kind = labels.unsqueeze(2);
    embedded = at::where(kind == -1, not_a_point_->weight, embedded);
    for (std::size_t i = 0; i < point_embeddings_.size(); ++i) {
      const auto is = (kind == static_cast<std::int64_t>(i)).to(embedded.scalar_type());
      embedded = embedded + is * point_embeddings_[i]->weight;
    }
    parts.push_back(embedded);
    if (!boxes.defined()) {
      parts.push_back(not_a_point_->weight.unsqueeze(0).expand({points.size(0), 1, shape_.dim}));
    }
  }
  if (boxes.defined()) {
    const auto corners = encode(boxes.reshape({-1, 2, 2}));
    parts.push_back(corners +
                    at::stack({point_embeddings_[2]->weight, point_embeddings_[3]->weight}, 1));
  }
  if (parts.empty()) return at::empty({1, 0, shape_.dim}, no_mask_->weight.options());
  return at::cat(parts, 1);
}

at::Tensor PromptEncoder::no_points() {
  return not_a_point_->weight.unsqueeze(0).expand({1, 2, shape_.dim});
}

at::Tensor PromptEncoder::dense(const at::Tensor& masks) {
  const auto first = at::gelu(norm1_->forward(down1_->forward(masks)));
  return down3_->forward(at::gelu(norm2_->forward(down2_->forward(first))));
}

at::Tensor PromptEncoder::no_mask() {
  return no_mask_->weight.view({1, shape_.dim, 1, 1});
}

at::Tensor PromptEncoder::dense_pe() {
  return fourier_grid(gaussian_, shape_.grid[0], shape_.grid[1]);
}

}  // namespace desa2va::models::sam2
