#include "common/models/desa2va/adversarial.h"

#include <ATen/Functions.h>

namespace desa2va::models {

at::Tensor standardize(const at::Tensor& x) {
  return at::layer_norm(x, {x.size(-1)});
}

at::Tensor reverse_gradient(const at::Tensor& x, double lambda) {
  // x - x.detach() is exactly zero, so the value is x to the bit.
  return x.detach() - lambda * (x - x.detach());
}

Discriminator::Discriminator(std::int64_t dim, const std::vector<std::int64_t>& hidden,
                             double leaky_slope)
    : leaky_slope_(leaky_slope) {
  auto list = register_module("layers", std::make_shared<torch::nn::Module>());
  auto widths = hidden;
  widths.push_back(1);
  for (const auto width : widths) {
    layers_.push_back(list->register_module(std::to_string(layers_.size()),
                                            std::make_shared<Linear>(dim, width)));
    dim = width;
  }
}

at::Tensor Discriminator::forward(const at::Tensor& input, Estimator estimator) const {
  auto x = standardize(input);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0) x = at::leaky_relu(x, leaky_slope_);
    const auto& layer = *layers_[i];
    x = estimator == Estimator::Frozen ? at::linear(x, layer.weight.detach(), layer.bias.detach())
                                       : layer.forward(x);
  }
  return x.squeeze(1);
}

AdversarialLoss adversarial_loss(const Discriminator& text, const Discriminator& vision,
                                 const AdversarialInput& input, std::string_view objective,
                                 Estimator estimator) {
  // -log D and -log(1 - D) of a logit.
  const auto real = [](const at::Tensor& logit) { return at::softplus(-logit).mean(); };
  const auto fake = [](const at::Tensor& logit) { return at::softplus(logit).mean(); };
  AdversarialLoss result;
  if (objective == "eq3") {
    result.logit_h_t = vision.forward(input.h_t, estimator);
    result.logit_h_v = text.forward(input.h_v, estimator);
    result.loss = real(result.logit_h_t) + fake(result.logit_h_v);
    return result;
  }
  TORCH_CHECK(objective == "cross" || objective == "own", "adv.objective is '", objective,
              "'; choose cross, own, eq3 or off");
  const bool cross = objective == "cross";
  result.logit_h_t = (cross ? vision : text).forward(input.h_t, estimator);
  result.logit_h_v = (cross ? text : vision).forward(input.h_v, estimator);
  result.loss = fake(result.logit_h_t) + fake(result.logit_h_v);
  if (input.v_ref.defined()) {
    result.logit_v_ref = vision.forward(input.v_ref.detach(), estimator);
    result.loss = result.loss + real(result.logit_v_ref);
  }
  if (input.r_ref.defined()) {
    result.logit_r_ref = text.forward(input.r_ref.detach(), estimator);
    result.loss = result.loss + real(result.logit_r_ref);
  }
  return result;
}

}  // namespace desa2va::models
