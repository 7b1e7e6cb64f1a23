#include "common/models/weights/initialise.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include <ATen/ops/empty.h>

#include "common/base/random.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

// Normal numbers with those beyond two deviations drawn again from the next stretch of the stream.
void fill_truncated(const Random& random, std::span<float> out) {
  random.fill_normal(out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::uint64_t round = 1; std::abs(out[i]) > 2; ++round) {
      random.fill_normal(out.subspan(i, 1), round * out.size() + i);
    }
  }
}

std::optional<Fill> default_fill(const NamedTensors& tensors, const std::string& name,
                                 const at::Tensor& tensor) {
  const auto bound = [](const at::Tensor& weight) {
    return 1.0 / std::sqrt(static_cast<double>(weight.numel() / weight.size(0)));
  };
  const auto leaf = name.substr(name.rfind('.') + 1);  // whole if there is no dot
  if (leaf == "weight") {
    return tensor.dim() >= 2 ? Fill::uniform(bound(tensor)) : Fill::constant(1);
  }
  if (leaf == "bias") {
    const auto weight = tensors.find(name.substr(0, name.size() - 4) + "weight");
    if (weight == tensors.end()) return std::nullopt;
    return weight->second.dim() >= 2 ? Fill::uniform(bound(weight->second)) : Fill::constant(0);
  }
  return std::nullopt;
}

}  // namespace

void fill(const at::Tensor& tensor, const std::string& name, std::uint64_t seed, Fill how) {
  const tensor::NoGradient no_gradient;
  if (how.kind == Fill::Kind::Constant) {
    tensor.fill_(how.value);
    return;
  }
  const Random random(seed, "init", name);
  const auto values = at::empty(tensor.sizes(), at::TensorOptions().dtype(at::kFloat));
  const std::span<float> out(values.mutable_data_ptr<float>(),
                             static_cast<std::size_t>(values.numel()));
  switch (how.kind) {
    case Fill::Kind::Uniform:
      random.fill_uniform(out);
      for (float& x : out) x = static_cast<float>((2.0 * x - 1.0) * how.value);
      break;
    case Fill::Kind::Normal:
      random.fill_normal(out);
      break;
    case Fill::Kind::TruncatedNormal:
      fill_truncated(random, out);
      break;
    case Fill::Kind::Constant:
      break;
  }
  if (how.kind != Fill::Kind::Uniform) {
    for (float& x : out) x = static_cast<float>(x * how.value);
  }
  tensor.copy_(values);
}

void initialise(const NamedTensors& tensors, std::uint64_t seed,
                const std::vector<InitRule>& rules) {
  for (const auto& [name, tensor] : tensors) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const InitRule& candidate) {
      return name.find(candidate.part) != std::string::npos;
    });
    const auto how =
        rule != rules.end() ? std::optional(rule->fill) : default_fill(tensors, name, tensor);
    TORCH_CHECK(how.has_value(), "no rule says how to initialise ", name);
    fill(tensor, name, seed, *how);
  }
}

}  // namespace desa2va::models
