#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/models/weights/parameters.h"

// First weights, when no checkpoint is loaded. Every element is a function of (seed, tensor name,
// index), so the order of construction, the device and the other tensors do not matter, and a
// tensor can be made on any rank. LibTorch's generators are never used.
namespace desa2va::models {

// What a tensor is filled with.
struct Fill {
  enum class Kind { Uniform, Normal, TruncatedNormal, Constant };
  Kind kind = Kind::Constant;
  double value = 0;  // bound (-value, value), standard deviation (truncated at 2 of them), constant

  static Fill uniform(double bound) { return {Kind::Uniform, bound}; }
  static Fill normal(double deviation) { return {Kind::Normal, deviation}; }
  static Fill truncated_normal(double deviation) { return {Kind::TruncatedNormal, deviation}; }
  static Fill constant(double value) { return {Kind::Constant, value}; }
};

// Applies to a tensor whose name contains `part`.
struct InitRule {
  std::string part;
  Fill fill;
};

// Fills each tensor by the first rule that fits its name, else as PyTorch does for Linear, Conv and
// norms (model.md 5.15): weights of two or more dimensions and their biases uniform within
// 1 / sqrt(fan_in), fan_in = numel / size(0); one-dimensional `weight` 1, its bias 0. A tensor that
// neither a rule nor these cover throws: nothing starts with what the memory held.
void initialise(const NamedTensors& tensors, std::uint64_t seed,
                const std::vector<InitRule>& rules = {});

// One tensor, as `initialise` fills it.
void fill(const at::Tensor& tensor, const std::string& name, std::uint64_t seed, Fill how);

}  // namespace desa2va::models
