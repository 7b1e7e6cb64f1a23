#include "common/models/weights/initialise.h"

#include <algorithm>
#include <span>

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

Fill without_rule(const NamedTensors& tensors, const std::string& name, const at::Tensor& tensor) {
  at::Tensor weight = tensor;
  if (name.ends_with("bias")) {
    const auto beside = tensors.find(name.substr(0, name.size() - 4) + "weight");
    weight = beside == tensors.end() ? at::Tensor() : beside->second;
  }
  const auto fill = parameters::default_fill(
      name, weight.defined() ? weight.sizes().vec() : std::vector<std::int64_t>());
  TORCH_CHECK(fill.has_value(), fill.error().message());
  return *fill;
}

}  // namespace

void fill(const at::Tensor& tensor, const std::string& name, std::uint64_t seed, Fill how) {
  const tensor::NoGradient no_gradient;
  if (how.kind == Fill::Kind::Constant) {
    tensor.fill_(how.value);
    return;
  }
  const auto values = at::empty(tensor.sizes(), at::TensorOptions().dtype(at::kFloat));
  const auto total = static_cast<std::size_t>(values.numel());
  parameters::fill_values({values.mutable_data_ptr<float>(), total}, 0, total, name, seed, how);
  tensor.copy_(values);
}

void initialise(const NamedTensors& tensors, std::uint64_t seed,
                const std::vector<InitRule>& rules) {
  for (const auto& [name, tensor] : tensors) {
    const auto applies = [&name = name](const InitRule& rule) {
      return name.find(rule.part) != std::string::npos;
    };
    const auto rule = std::find_if(rules.begin(), rules.end(), applies);
    fill(tensor, name, seed,
         rule != rules.end() ? rule->fill : without_rule(tensors, name, tensor));
  }
}

}  // namespace desa2va::models
