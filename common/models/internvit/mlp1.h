#pragma once

#include <memory>

#include "common/models/layers/layers.h"

// From the vision tower to the language model.
namespace desa2va::models {

// Pixel shuffle of ps_version "v2", factor 0.5: x (N, rows*columns, C) without class token ->
// (N, rows*columns/4, 4C), y[n, i, j, (r*2 + s)*C + c] = x[n, 2i + r, 2j + s, c]. An odd side
// throws.
at::Tensor pixel_shuffle(const at::Tensor& x, std::int64_t rows, std::int64_t columns);

// LayerNorm(4C) -> Linear(4C, D) -> GELU -> Linear(D, D); paths 0.*, 1.*, 3.*.
class Mlp1 : public torch::nn::Module {
 public:
  Mlp1(std::int64_t vit_hidden_size, std::int64_t llm_hidden_size);
  at::Tensor forward(const at::Tensor& shuffled) const;  // (N, tokens, 4C) -> (N, tokens, D)

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> up_, out_;
};

}  // namespace desa2va::models
