#include "common/models/desa2va/ortho.h"

#include <ATen/Functions.h>

namespace desa2va::models {
namespace {
at::Tensor unit_rows(const at::Tensor& x) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{1}, /*keepdim=*/true).clamp_min(1e-12);
}
}  // namespace

at::Tensor ortho_loss(const at::Tensor& a, const at::Tensor& b, std::string_view form) {
  const auto x = unit_rows(a), y = unit_rows(b);
  if (form == "pair") return (x * y).sum(1).square().mean();
  TORCH_CHECK(form == "cross", "ortho.form is '", form, "'; choose cross or pair");
  // |A^T B|_F^2 is the sum over b, c of (a_b . a_c)(b_b . b_c): n x n instead of d x d.
  const auto n = static_cast<double>(a.size(0));
  return (at::matmul(x, x.t()) * at::matmul(y, y.t())).sum() / (n * n);
}

at::Tensor mask_features(const at::Tensor& logits, std::int64_t pool) {
  return at::adaptive_avg_pool2d(at::sigmoid(logits), {pool, pool}).flatten(1);
}

}  // namespace desa2va::models
