#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/layers/layers.h"

// The discriminators, gradient reversal and the losses around them (model 5.7).
namespace desa2va::models {

// Parameter-free LayerNorm over the last dimension, eps 1e-5.
at::Tensor standardize(const at::Tensor& x);

// Identity forward, exactly; multiplies the gradient by -lambda backward.
at::Tensor reverse_gradient(const at::Tensor& x, double lambda);

// Whether a loss may move the estimator's own weights.
enum class Estimator { Frozen, Trained };

// (n, C) -> (n) logits; `layers.{0,1,..}` with LeakyReLU between them.
class Discriminator : public torch::nn::Module {
 public:
  Discriminator(std::int64_t dim, const std::vector<std::int64_t>& hidden, double leaky_slope);
  at::Tensor forward(const at::Tensor& x, Estimator estimator) const;

 private:
  std::vector<std::shared_ptr<Linear>> layers_;
  double leaky_slope_;
};

// All (n, C), raw; the references may be undefined where only the gradient of h_t, h_v matters.
struct AdversarialInput {
  at::Tensor h_t, h_v, v_ref, r_ref;
};
struct AdversarialLoss {
  at::Tensor loss;                                            // L_D, scalar
  at::Tensor logit_h_t, logit_h_v, logit_v_ref, logit_r_ref;  // (n); undefined if not judged
};
// L_D of objective cross | own | eq3. h_t and h_v enter as they are: reverse them first.
AdversarialLoss adversarial_loss(const Discriminator& text, const Discriminator& vision,
                                 const AdversarialInput& input, std::string_view objective,
                                 Estimator estimator);

}  // namespace desa2va::models
