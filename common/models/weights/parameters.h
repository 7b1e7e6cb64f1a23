#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/host_tensor.h"

namespace torch::nn {
class Module;
}

// The tensors of a module under their names. A map's order, by name, is the order of every sum
// over parameters (gradient norms, checkpoints), so it is the same in all processes.
namespace desa2va::models {

// The tensors are handles: writing into one writes into the module.
using NamedTensors = std::map<std::string, at::Tensor>;

// Parameters, and buffers too unless `parameters_only`, each as prefix + path in the module.
NamedTensors named_tensors(const torch::nn::Module& module, std::string_view prefix = "",
                           bool parameters_only = false);
NamedTensors to_map(const std::vector<std::pair<std::string, at::Tensor>>& list);

// requires_grad on for the tensors in `names`, off for all others. A name that is not there is an
// error (throws), since what has a gradient is a function of config and phase.
void enable_gradients(const NamedTensors& tensors, const std::set<std::string>& names);

// Copies `from` into `into`, converting the element type; name by name and shape by shape. Throws
// naming the missing, the unexpected and the misshapen; `into` is then unchanged.
void load(const NamedTensors& into, const std::map<std::string, HostTensor>& from);

}  // namespace desa2va::models
