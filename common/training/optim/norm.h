#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

// Gradient norms that do not depend on who computes them.
namespace desa2va::training {

// Sum of squares in double, 64 Ki elements at a time in index order: the same bits for any number
// of threads. Non-finite if any element is.
double squared_norm(const at::Tensor& gradient);

// Per tensor, by name; undefined ones are left out.
std::map<std::string, double> squared_norms(const std::map<std::string, at::Tensor>& gradients);

// sqrt of the sum in name order, over the tensors of all roles.
double global_norm(const std::map<std::string, double>& squared_norms);

// min(1, max_norm / (norm + 1e-6)).
double clip_factor(double norm, double max_norm);

}  // namespace desa2va::training
