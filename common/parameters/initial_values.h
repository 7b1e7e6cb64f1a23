#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/model.h"
#include "common/parameters/inventory.h"

// First weights, when no checkpoint is loaded (docs/model.md 5.15). Every element is a function of
// (seed, tensor name, index), so the order of construction, the device and the other tensors do not
// matter, and any part of a tensor can be made by anyone: the ranks, or the launcher that fills in
// what published files lack.
namespace desa2va::parameters {

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

// Applies to a tensor whose name contains `part`; the first that fits.
struct InitRule {
  std::string part;
  Fill fill;
};

std::vector<InitRule> vit_rules(const config::VitConfig& vit);
std::vector<InitRule> llm_rules(const config::LlmConfig& llm);
std::vector<InitRule> sam_rules();

// Where no rule fits, as PyTorch does for Linear, Conv and norms: weights of two or more dimensions
// and their biases uniform within 1 / sqrt(fan_in), fan_in = numel / size(0); one-dimensional
// `weight` 1, its bias 0. Invalid where neither covers the tensor. `weight`: shape of the tensor
// itself, or of the weight beside a bias.
Result<Fill> default_fill(std::string_view name, const std::vector<std::int64_t>& weight);

// Elements [first, first + out.size()) of a tensor of `total` elements.
void fill_values(std::span<float> out, std::uint64_t first, std::uint64_t total,
                 std::string_view name, std::uint64_t seed, Fill how);

// The first values of every tensor of a model, by canonical name.
class InitialValues {
 public:
  InitialValues(const config::ModelConfig& config, const Preset& preset, std::uint64_t seed);
  // Elements [first, first + out.size()) of the tensor. NotFound for a name outside the inventory.
  Result<void> read(const std::string& name, std::uint64_t first, std::span<float> out) const;

 private:
  Result<Fill> fill_of(const std::string& name) const;
  const config::ModelConfig config_;
  const std::uint64_t seed_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;
  std::map<Role, std::vector<InitRule>> rules_;
};

}  // namespace desa2va::parameters
