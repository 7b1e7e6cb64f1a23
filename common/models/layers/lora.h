#pragma once

#include <memory>
#include <string>

#include "common/config/model.h"
#include "common/models/layers/dropout.h"
#include "common/models/layers/layers.h"

// Low-rank adaptation of a frozen linear layer (peft's LoraLayer).
namespace desa2va::models {

// How one forward pass treats the low-rank path of every LoraLinear.
struct LoraPass {
  bool enabled = true;  // false: the base model alone (the text-only pass)
  DropoutPlan dropout;
  bool recompute = false;  // keep each layer's input alone and run the layer again in the backward
};

// y = W x + b + scaling * B(A(dropout(x))). Paths: weight, bias, lora_A.default.weight (r, in),
// lora_B.default.weight (out, r). With r = 0 a plain linear.
class LoraLinear : public torch::nn::Module {
 public:
  // `site` names the dropout's stream: "layer.target", as "3.q_proj".
  LoraLinear(std::int64_t in, std::int64_t out, bool with_bias, const config::LoraConfig& lora,
             std::string site);

  // x: (..., in); with dropout (rows, length, in).
  at::Tensor forward(const at::Tensor& x, const LoraPass& pass) const;
  // W + scaling * B A: what export writes.
  at::Tensor merged_weight() const;

  at::Tensor weight, bias;
  at::Tensor lora_a, lora_b;  // undefined when r = 0

 private:
  const double scaling_;
  const std::string site_;
};

}  // namespace desa2va::models
