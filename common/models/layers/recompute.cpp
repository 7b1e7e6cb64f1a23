#include "common/models/layers/recompute.h"

#include <memory>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>

#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

struct Body final : torch::CustomClassHolder {
  explicit Body(std::function<at::Tensor(const at::Tensor&)> f) : run(std::move(f)) {}
  const std::function<at::Tensor(const at::Tensor&)> run;
};
using BodyPtr = c10::intrusive_ptr<Body>;
constexpr const char* kBody = "body";

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const BodyPtr& body,
                            const at::Tensor& x, at::TensorList parameters) {
    context->saved_data[kBody] = at::IValue::make_capsule(
        c10::static_intrusive_pointer_cast<torch::CustomClassHolder>(body));
    std::vector<at::Tensor> saved = {x};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(saved));
    return body->run(x);
  }

  // One gradient for each argument of `forward`, the body's undefined.
  static std::vector<at::Tensor> backward(torch::autograd::AutogradContext* context,
                                          const std::vector<at::Tensor>& output_gradients) {
    const auto body =
        c10::static_intrusive_pointer_cast<Body>(context->saved_data.at(kBody).toCapsule());
    auto inputs = context->get_saved_variables();  // x, then the parameters themselves
    const at::AutoGradMode record(true);
    inputs[0] = inputs[0].detach().requires_grad_(context->needs_input_grad(0));
    const auto y = body->run(inputs[0]);
    std::vector<at::Tensor> wanted;
    for (const auto& input : inputs) {
      if (input.requires_grad()) wanted.push_back(input);
    }
    auto found = tensor::gradients({y}, output_gradients, wanted);
    std::vector<at::Tensor> gradients(1);
    std::size_t next = 0;
    for (const auto& input : inputs) {
      gradients.push_back(input.requires_grad() ? std::move(found[next++]) : at::Tensor());
    }
    return gradients;
  }
};

}  // namespace

at::Tensor recompute(std::function<at::Tensor(const at::Tensor&)> f, const at::Tensor& x,
                     const std::vector<at::Tensor>& parameters) {
  if (!at::GradMode::is_enabled()) return f(x);
  return Recomputed::apply(c10::make_intrusive<Body>(std::move(f)), x, at::TensorList(parameters));
}

}  // namespace desa2va::models
