#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/nn/module.h>

#include "common/models/layers/layers.h"

// The small parts that SAM-2's modules share. Names of parameters are the published ones.
namespace desa2va::models::sam2 {

// Linear layers with ReLU between them: `layers.{0..depth-1}`.
class Mlp : public torch::nn::Module {
 public:
  Mlp(std::int64_t input, std::int64_t hidden, std::int64_t output, std::int64_t depth,
      bool sigmoid_output = false);
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<std::shared_ptr<Linear>> layers_;
  bool sigmoid_output_;
};

// LayerNorm over the channels of (N, C, H, W).
class LayerNorm2d : public torch::nn::Module {
 public:
  explicit LayerNorm2d(std::int64_t channels, double eps = 1e-6);
  at::Tensor forward(const at::Tensor& x);
  at::Tensor over_last(const at::Tensor& x);  // (.., C)

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

// Doubles height and width (a transposed convolution of stride 2): weight (in, out, 2, 2), bias
// (out).
class DoublingConv : public torch::nn::Module {
 public:
  DoublingConv(std::int64_t in, std::int64_t out);
  // (N, P, in) -> (N, P, 4, out): the four halves of each pixel, upper left, upper right, ...
  at::Tensor forward(const at::Tensor& x) const;

  at::Tensor weight, bias;
};

// Multi-head attention with four projections; the inner width is `width / downsample`. Keys and
// values may come from a memory of another width (`kv_width`).
class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads, std::int64_t downsample = 1,
            std::int64_t kv_width = 0);

  // q: (B, Tq, width), k and v: (B, Tk, kv_width) -> (B, Tq, width)
  at::Tensor forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

  // The same in steps, for callers that share projections between batch entries.
  at::Tensor project_q(const at::Tensor& x) { return q_proj_->forward(x); }
  at::Tensor project_k(const at::Tensor& x) { return k_proj_->forward(x); }
  at::Tensor project_v(const at::Tensor& x) { return v_proj_->forward(x); }
  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

 protected:
  at::Tensor split_heads(const at::Tensor& x) const;  // (B, T, inner) -> (B, heads, T, d)
  at::Tensor merge_heads(const at::Tensor& x) const;  // the way back, and the output projection

 private:
  std::shared_ptr<Linear> q_proj_, k_proj_, v_proj_, out_proj_;
  std::int64_t heads_;
};

}  // namespace desa2va::models::sam2
