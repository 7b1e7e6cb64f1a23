#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

// Weights and inputs that a case does not store: a function of the tensor's name and the index.
namespace desa2va::golden {

// value = (2u - 1) * a + b, u from splitmix64 of FNV-1a-64(name) and the flat index.
at::Tensor formula(const std::string& name, const std::vector<std::int64_t>& shape, double a,
                   double b);

// The same with (a, b) by the rule that fits a weight's name and shape.
at::Tensor formula_weight(const std::string& name, const std::vector<std::int64_t>& shape);

}  // namespace desa2va::golden
