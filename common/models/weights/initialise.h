#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/models/weights/parameters.h"
#include "common/parameters/initial_values.h"

// First weights of modules; which values is said in common/parameters/initial_values.h. LibTorch's
// generators are never used.
namespace desa2va::models {

using parameters::Fill;
using parameters::InitRule;

// Fills each tensor by the first rule that fits its name, else by `parameters::default_fill`. A
// tensor that neither covers throws: nothing starts with what the memory held.
void initialise(const NamedTensors& tensors, std::uint64_t seed,
                const std::vector<InitRule>& rules = {});

// One tensor, as `initialise` fills it.
void fill(const at::Tensor& tensor, const std::string& name, std::uint64_t seed, Fill how);

}  // namespace desa2va::models
