#include "common/models/desa2va/club.h"

#include <cmath>
#include <numbers>

#include <ATen/Functions.h>

namespace desa2va::models {

Club::Club(std::int64_t dim_v, std::int64_t dim_t, const config::ClubConfig& config)
    : config_(config) {
  const std::int64_t components = config.mixture_k;
  trunk_ = register_module("trunk", std::make_shared<Linear>(dim_v, config.hidden));
  pi_ = register_module("pi", std::make_shared<Linear>(config.hidden, components));
  mu_ = register_module("mu", std::make_shared<Linear>(config.hidden, components * dim_t));
  logvar_ = register_module("logvar", std::make_shared<Linear>(config.hidden, components * dim_t));
}

at::Tensor Club::prepared(const at::Tensor& x) const {
  return config_.standardize ? standardize(x) : x;
}

Club::Mixture Club::mixture(const at::Tensor& v, Estimator estimator) const {
  const auto apply = [estimator](const Linear& layer, const at::Tensor& x) {
    return estimator == Estimator::Frozen
               ? at::linear(x, layer.weight.detach(), layer.bias.detach())
               : layer.forward(x);
  };
  const auto hidden = at::relu(apply(*trunk_, v));
  return {at::log_softmax(apply(*pi_, hidden), 1),
          apply(*mu_, hidden).unflatten(1, {config_.mixture_k, -1}),
          at::tanh(apply(*logvar_, hidden)).unflatten(1, {config_.mixture_k, -1})};
}

at::Tensor Club::log_density(const Mixture& q, const at::Tensor& t) {
  // (n, j, K, d). The squares are not expanded: their difference would lose the digits that the
  // estimate, itself a small difference of large numbers, lives on.
  const auto distance = t.unsqueeze(2) - q.mu.unsqueeze(1);
  const auto weighted = (distance.square() * at::exp(-q.s).unsqueeze(1)).sum(3);
  const double log_two_pi = std::log(2 * std::numbers::pi);
  const auto normalizer = q.s.sum(2) + log_two_pi * static_cast<double>(q.s.size(2));  // (n, K)
  return at::logsumexp(q.log_pi.unsqueeze(1) - 0.5 * (weighted + normalizer.unsqueeze(1)), 2);
}

Club::Estimate Club::mi(const at::Tensor& v, const at::Tensor& t, const at::Tensor& fifo_t,
                        Estimator estimator) const {
  const auto own = prepared(t);
  auto all = own;
  if (fifo_t.defined() && fifo_t.size(0) > 0) all = at::cat({own, prepared(fifo_t.detach())}, 0);
  const auto log_q = log_density(mixture(prepared(v), estimator), all.unsqueeze(0));  // (n, n + m)
  Estimate estimate;
  estimate.log_q = log_q.diagonal();
  estimate.raw = (estimate.log_q - log_q.mean(1)).mean();
  estimate.value =
      config_.clamp_min ? at::clamp_min(estimate.raw, *config_.clamp_min) : estimate.raw;
  return estimate;
}

at::Tensor Club::fit_loss(const at::Tensor& v, const at::Tensor& t) const {
  const auto q = mixture(prepared(v.detach()), Estimator::Trained);
  return -log_density(q, prepared(t.detach()).unsqueeze(1)).mean();
}

}  // namespace desa2va::models
