#include "common/models/layers/layers.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rsqrt.h>

namespace desa2va::models {
namespace {
at::Tensor frozen_parameter(torch::nn::Module& owner, const char* name, at::IntArrayRef sizes) {
  return owner.register_parameter(name, at::empty(sizes), /*requires_grad=*/false);
}
}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias)
    : weight(frozen_parameter(*this, "weight", {out, in})) {
  if (with_bias) bias = frozen_parameter(*this, "bias", {out});
}
at::Tensor Linear::forward(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

LayerNorm::LayerNorm(std::int64_t size, double eps)
    : weight(frozen_parameter(*this, "weight", {size})),
      bias(frozen_parameter(*this, "bias", {size})),
      eps(eps) {}
at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {weight.size(0)}, weight, bias, eps);
}

RmsNorm::RmsNorm(std::int64_t size, double eps)
    : weight(frozen_parameter(*this, "weight", {size})), eps(eps) {}
at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  const auto wide = x.to(at::kFloat);
  const auto scaled = wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight * scaled.to(x.scalar_type());
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, Options options)
    : weight(frozen_parameter(*this, "weight",
                              {out, in / options.groups, options.kernel, options.kernel})),
      bias(frozen_parameter(*this, "bias", {out})),
      options(options) {}
at::Tensor Conv2d::forward(const at::Tensor& x) const {
  return at::conv2d(x, weight, bias, options.stride, options.padding, /*dilation=*/1,
                    options.groups);
}

Embedding::Embedding(std::int64_t rows, std::int64_t size)
    : weight(frozen_parameter(*this, "weight", {rows, size})) {}
at::Tensor Embedding::forward(const at::Tensor& ids) const {
  return at::embedding(weight, ids);
}

}  // namespace desa2va::models
