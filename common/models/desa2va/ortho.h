#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

// The orthogonality loss (model 5.10, eq. 7 of the paper).
namespace desa2va::models {

// a, b: (n, d) rows, L2-normalised here. cross: |A^T B|_F^2 / n^2; pair: mean of (a_i . b_i)^2.
// With n = 1 cross is 1 and its gradient zero.
at::Tensor ortho_loss(const at::Tensor& a, const at::Tensor& b, std::string_view form);

// (n, H, W) logits -> (n, pool * pool): sigmoid, mean over a pool x pool grid.
at::Tensor mask_features(const at::Tensor& logits, std::int64_t pool = 16);

}  // namespace desa2va::models
