#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

// Comparisons of tensors that say how far apart they are.
namespace desa2va::test {

inline std::string distance(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return "one is undefined";
  if (a.sizes() != b.sizes()) return "shapes differ";
  if (a.numel() == 0) return "both are empty";
  const auto difference = a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
  return "largest difference " + std::to_string(difference);
}

// Same shape and type, every element within `tolerance` of the other.
inline testing::AssertionResult is_close(const at::Tensor& a, const at::Tensor& b,
                                         double tolerance = 1e-5) {
  if (a.defined() && b.defined() && a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
      at::allclose(a, b, 0, tolerance)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << distance(a, b);
}

// Same bits.
inline testing::AssertionResult is_equal(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() && b.defined() && a.scalar_type() == b.scalar_type() && at::equal(a, b)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << distance(a, b);
}

}  // namespace desa2va::test
