#pragma once

#include <cstdint>

#include <torch/nn/module.h>

// The layers that several models share. Formulas and parameter names are those of torch.nn, but a
// new layer holds uninitialised memory and asks for no gradients: weights come from a checkpoint or
// from `initialise`, and the phase decides what trains.
namespace desa2va::models {

// y = x W^T + b. weight (out, in), bias (out).
class Linear : public torch::nn::Module {
 public:
  Linear(std::int64_t in, std::int64_t out, bool with_bias = true);
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight, bias;  // bias is undefined without one
};

// Over the last dimension; statistics in float32.
class LayerNorm : public torch::nn::Module {
 public:
  explicit LayerNorm(std::int64_t size, double eps = 1e-5);
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight, bias;
  const double eps;
};

// x * rsqrt(mean(x^2) + eps) * weight, the mean in float32 (Qwen2RMSNorm).
class RmsNorm : public torch::nn::Module {
 public:
  RmsNorm(std::int64_t size, double eps);
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight;
  const double eps;
};

// weight (out, in / groups, kernel, kernel), bias (out).
class Conv2d : public torch::nn::Module {
 public:
  struct Options {
    std::int64_t kernel = 1, stride = 1, padding = 0, groups = 1;
  };
  Conv2d(std::int64_t in, std::int64_t out, Options options);
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight, bias;
  const Options options;
};

// Rows of `weight` (rows, size).
class Embedding : public torch::nn::Module {
 public:
  Embedding(std::int64_t rows, std::int64_t size);
  at::Tensor forward(const at::Tensor& ids) const;

  at::Tensor weight;
};

}  // namespace desa2va::models
