#include "common/training/optim/adamw.h"

#include <array>
#include <cmath>
#include <string_view>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include "common/tensor/gradients.h"

namespace desa2va::training {
namespace {
constexpr std::string_view kAvg = "exp_avg.", kAvgSq = "exp_avg_sq.", kSteps = "steps.";
std::string key(std::string_view kind, const std::string& name) {
  return std::string(kind).append(name);
}
}  // namespace

void AdamW::step(const Tensors& parameters, const Tensors& gradients, double lr, double scale) {
  for (const auto& [name, gradient] : gradients) {
    const auto parameter = parameters.find(name);
    TORCH_CHECK(parameter != parameters.end(), "a gradient for ", name, ", which is no parameter");
    TORCH_CHECK(!gradient.defined() || gradient.sizes() == parameter->second.sizes(), name, " is ",
                parameter->second.sizes(), ", its gradient ", gradient.sizes());
    TORCH_CHECK(parameter->second.scalar_type() == at::kFloat, name, " is ",
                parameter->second.scalar_type(), "; the optimizer moves float32 masters");
  }
  const tensor::NoGradient no_gradient;
  for (const auto& [name, gradient] : gradients) {
    if (gradient.defined()) update(slots_[name], parameters.at(name), gradient, lr, scale);
  }
}

// The order of operations of torch.optim.AdamW (single tensor, not capturable).
void AdamW::update(Slot& slot, const at::Tensor& parameter, const at::Tensor& gradient, double lr,
                   double scale) const {
  auto weight = parameter.detach();
  if (!slot.exp_avg.defined()) {
    slot.exp_avg = at::zeros_like(weight);
    slot.exp_avg_sq = at::zeros_like(weight);
  }
  const auto g = scale == 1.0 ? gradient.to(at::kFloat) : gradient.to(at::kFloat).mul(scale);

  ++slot.steps;
  const auto steps = static_cast<double>(slot.steps);
  const double correction1 = 1.0 - std::pow(options_.beta1, steps);
  const double correction2 = std::sqrt(1.0 - std::pow(options_.beta2, steps));
  if (options_.weight_decay != 0) weight.mul_(1.0 - lr * options_.weight_decay);
  slot.exp_avg.lerp_(g, 1.0 - options_.beta1);
  slot.exp_avg_sq.mul_(options_.beta2).addcmul_(g, g, 1.0 - options_.beta2);
  const auto denominator = slot.exp_avg_sq.sqrt().div_(correction2).add_(options_.eps);
  weight.addcdiv_(slot.exp_avg, denominator, -lr / correction1);
}

void AdamW::drop_all_but(const Tensors& keep) {
  std::erase_if(slots_, [&](const auto& slot) { return !keep.contains(slot.first); });
}

AdamW::Tensors AdamW::state() const {
  Tensors out;
  for (const auto& [name, slot] : slots_) {
    out[key(kAvg, name)] = slot.exp_avg;
    out[key(kAvgSq, name)] = slot.exp_avg_sq;
    out[key(kSteps, name)] = at::full({1}, slot.steps, at::TensorOptions().dtype(at::kLong));
  }
  return out;
}

void AdamW::restore(const Tensors& state) {
  std::map<std::string, Slot> slots;
  for (const auto& [full, tensor] : state) {
    const auto name_of = [&full = full](std::string_view kind) { return full.substr(kind.size()); };
    if (full.starts_with(kAvgSq)) {
      slots[name_of(kAvgSq)].exp_avg_sq = tensor.clone();
    } else if (full.starts_with(kAvg)) {
      slots[name_of(kAvg)].exp_avg = tensor.clone();
    } else if (full.starts_with(kSteps)) {
      slots[name_of(kSteps)].steps = tensor.item<std::int64_t>();
    } else {
      TORCH_CHECK(false, "optimizer state has an unknown entry ", full);
    }
  }
  for (const auto& [name, slot] : slots) {
    TORCH_CHECK(slot.exp_avg.defined() && slot.exp_avg_sq.defined() && slot.steps > 0,
                "optimizer state of ", name, " is incomplete");
  }
  slots_ = std::move(slots);
}

}  // namespace desa2va::training
