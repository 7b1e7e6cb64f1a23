#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

// AdamW with decoupled decay, the arithmetic of torch.optim.AdamW.
namespace desa2va::training {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.05;  // 0: plain Adam (discriminators, CLUB)
};

// Belongs to one thread. A tensor's state appears when it is first given a gradient and lives until
// `drop`. Parameters, moments and arithmetic are float32: where the model holds narrow copies,
// their masters are the parameters (common/training/state).
class AdamW {
 public:
  using Tensors = std::map<std::string, at::Tensor>;

  explicit AdamW(AdamWOptions options) : options_(options) {}

  // One update: for each entry of `gradients` the parameter of that name changes in place, by its
  // gradient times `scale` (the clip factor). A parameter without an entry, or with an undefined
  // one, is not touched: no decay, and its own step count (bias correction) does not advance.
  // Throws on a gradient without parameter or of another shape, and on a parameter that is not
  // float32, before anything has changed.
  void step(const Tensors& parameters, const Tensors& gradients, double lr, double scale = 1.0);

  // Forgets the state of every tensor whose name is not in `keep`.
  void drop_all_but(const Tensors& keep);
  void clear() { slots_.clear(); }

  // For checkpoints: "exp_avg.<name>", "exp_avg_sq.<name>" (float32), "steps.<name>" (int64, (1)).
  // Handles, not copies.
  Tensors state() const;
  // The inverse; replaces all state. Throws if a slot is incomplete.
  void restore(const Tensors& state);

 private:
  struct Slot {
    at::Tensor exp_avg, exp_avg_sq;
    std::int64_t steps = 0;
  };
  void update(Slot& slot, const at::Tensor& parameter, const at::Tensor& gradient, double lr,
              double scale) const;

  AdamWOptions options_;
  std::map<std::string, Slot> slots_;
};

}  // namespace desa2va::training
