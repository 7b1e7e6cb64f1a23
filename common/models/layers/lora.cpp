#include "common/models/layers/lora.h"

#include <utility>

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>

namespace desa2va::models {

LoraLinear::LoraLinear(std::int64_t in, std::int64_t out, bool with_bias,
                       const config::LoraConfig& lora, std::string site)
    : scaling_(lora.r > 0 ? lora.scaling() : 0), site_(std::move(site)) {
  weight = register_parameter("weight", at::empty({out, in}), false);
  if (with_bias) bias = register_parameter("bias", at::empty({out}), false);
  if (lora.r == 0) return;
  const auto low_rank = [this](const char* name, std::int64_t from, std::int64_t to) {
    auto holder = std::make_shared<torch::nn::Module>();
    auto linear = holder->register_module("default", std::make_shared<Linear>(from, to, false));
    register_module(name, holder);
    return linear->weight;
  };
  lora_a = low_rank("lora_A", in, lora.r);
  lora_b = low_rank("lora_B", lora.r, out);
}

at::Tensor LoraLinear::forward(const at::Tensor& x, const LoraPass& pass) const {
  const auto base = at::linear(x, weight, bias);
  if (!pass.enabled || !lora_a.defined()) return base;
  const bool drops = pass.dropout.rate > 0;
  const auto input = drops ? drop(x, pass.dropout, site_) : x;
  // Both factors on the narrow side, and the sum within the second product.
  const double factor = drops ? scaling_ / (1.0 - pass.dropout.rate) : scaling_;
  const auto low = at::linear(input, lora_a) * factor;
  return at::addmm(base.view({-1, base.size(-1)}), low.view({-1, low.size(-1)}), lora_b.t())
      .view(base.sizes());
}

at::Tensor LoraLinear::merged_weight() const {
  if (!lora_a.defined()) return weight;
  return weight + at::matmul(lora_b, lora_a) * scaling_;
}

}  // namespace desa2va::models
