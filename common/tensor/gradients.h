#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

// Backward without including LibTorch's autograd headers.
namespace desa2va::tensor {

// d(sum over i of <output_gradients[i], outputs[i]>) / d inputs. An input that no output depends on
// gives an undefined tensor. Outputs without a graph are left out; nothing is accumulated into
// `.grad()`. The graph is freed unless `keep_graph`.
std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& outputs,
                                  const std::vector<at::Tensor>& output_gradients,
                                  const std::vector<at::Tensor>& inputs, bool keep_graph = false);

// While one lives, this thread records no graph.
class NoGradient {
 public:
  NoGradient();
  ~NoGradient();
  NoGradient(const NoGradient&) = delete;
  NoGradient& operator=(const NoGradient&) = delete;

 private:
  bool before_;
};

}  // namespace desa2va::tensor
