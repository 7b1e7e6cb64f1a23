#include "common/tensor/gradients.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace desa2va::tensor {

std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& outputs,
                                  const std::vector<at::Tensor>& output_gradients,
                                  const std::vector<at::Tensor>& inputs, bool keep_graph) {
  TORCH_CHECK(outputs.size() == output_gradients.size(), outputs.size(), " outputs, ",
              output_gradients.size(), " gradients of outputs");
  std::vector<at::Tensor> roots, seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    roots.push_back(outputs[i]);
    seeds.push_back(output_gradients[i]);
  }
  if (roots.empty() || inputs.empty()) return std::vector<at::Tensor>(inputs.size());
  return torch::autograd::grad(roots, inputs, seeds, keep_graph, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

NoGradient::NoGradient() : before_(at::GradMode::is_enabled()) {
  at::GradMode::set_enabled(false);
}
NoGradient::~NoGradient() {
  at::GradMode::set_enabled(before_);
}

}  // namespace desa2va::tensor
