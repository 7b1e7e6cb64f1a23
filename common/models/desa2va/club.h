#pragma once

#include <memory>

#include <torch/nn/module.h>

#include "common/config/model.h"
#include "common/models/desa2va/adversarial.h"
#include "common/models/layers/layers.h"

// CLUB: an upper bound of the mutual information of h_v and h_t, with a Gaussian mixture
// q(t | v) (model 5.8; Cheng et al. 2020, `CLUB` in its published code for one component).
namespace desa2va::models {

class Club : public torch::nn::Module {
 public:
  // dim_v: width of the condition, dim_t: of what is predicted.
  Club(std::int64_t dim_v, std::int64_t dim_t, const config::ClubConfig& config);

  struct Estimate {
    at::Tensor log_q;  // (n): log q(t_i | v_i)
    at::Tensor raw;    // scalar: the estimate
    at::Tensor value;  // scalar: not below clamp_min
  };
  // v, t: (n, dim) with graph; fifo_t: (m, dim) or undefined. Negatives are batch and FIFO.
  Estimate mi(const at::Tensor& v, const at::Tensor& t, const at::Tensor& fifo_t,
              Estimator estimator) const;

  // -mean log q(t_i | v_i); features are detached, gradients go into the network.
  at::Tensor fit_loss(const at::Tensor& v, const at::Tensor& t) const;

 private:
  struct Mixture {
    at::Tensor log_pi;  // (n, K)
    at::Tensor mu, s;   // (n, K, d): mean and log variance, rows component-major
  };
  Mixture mixture(const at::Tensor& v, Estimator estimator) const;
  // t: (n, j, d) or (1, j, d) -> (n, j)
  static at::Tensor log_density(const Mixture& q, const at::Tensor& t);
  at::Tensor prepared(const at::Tensor& x) const;

  config::ClubConfig config_;
  std::shared_ptr<Linear> trunk_, pi_, mu_, logvar_;
};

}  // namespace desa2va::models
