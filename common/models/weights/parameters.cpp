#include "common/models/weights/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn/module.h>

#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {

NamedTensors named_tensors(const torch::nn::Module& module, std::string_view prefix,
                           bool parameters_only) {
  NamedTensors out;
  for (const auto& item : module.named_parameters()) {
    out.emplace(std::string(prefix) + item.key(), item.value());
  }
  if (parameters_only) return out;
  for (const auto& item : module.named_buffers()) {
    out.emplace(std::string(prefix) + item.key(), item.value());
  }
  return out;
}

NamedTensors to_map(const std::vector<std::pair<std::string, at::Tensor>>& list) {
  return {list.begin(), list.end()};
}

void enable_gradients(const NamedTensors& tensors, const std::set<std::string>& names) {
  for (const auto& name : names) {
    TORCH_CHECK(tensors.contains(name), "no parameter named ", name);
  }
  for (const auto& [name, tensor] : tensors) {
    if (at::isFloatingType(tensor.scalar_type())) tensor.requires_grad_(names.contains(name));
  }
}

void load(const NamedTensors& into, const std::map<std::string, HostTensor>& from) {
  std::vector<std::string> wrong;
  for (const auto& [name, tensor] : into) {
    const auto found = from.find(name);
    if (found == from.end()) {
      wrong.push_back("missing " + name);
    } else if (tensor.sizes() != at::IntArrayRef(found->second.shape)) {
      wrong.push_back(fmt::format("{} is {}, the model has [{}]", name, describe(found->second),
                                  fmt::join(tensor.sizes().vec(), ", ")));
    }
  }
  for (const auto& [name, unused] : from) {
    if (!into.contains(name)) wrong.push_back("unexpected " + name);
  }
  const auto shown = std::min<std::size_t>(wrong.size(), 8);
  TORCH_CHECK(
      wrong.empty(), "the weights do not fit the model in ", wrong.size(), " tensors: ",
      fmt::to_string(fmt::join(wrong.begin(), wrong.begin() + static_cast<long>(shown), "; ")));
  const tensor::NoGradient no_gradient;
  for (const auto& [name, target] : into) target.copy_(tensor::from_host(from.at(name)));
}

}  // namespace desa2va::models
