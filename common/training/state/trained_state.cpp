#include "common/training/state/trained_state.h"

#include <cmath>
#include <limits>
#include <set>

#include <ATen/ops/abs.h>
#include <ATen/ops/round.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"
#include "common/training/optim/norm.h"

namespace desa2va::training {
namespace {

constexpr double kUnits = 0x1p44;    // int64 units in 1.0
constexpr double kLargest = 0x1p12;  // gradients from here on count as non-finite
constexpr std::string_view kOptimizer = "optimizer/";

}  // namespace

TrainedState::TrainedState(models::NamedTensors tensors, Trains trains, AdamWOptions optimizer,
                           Sum sum, models::NamedTensors masters)
    : tensors_(std::move(tensors)),
      masters_(std::move(masters)),
      trains_(std::move(trains)),
      optimizer_(optimizer),
      sum_(sum) {
  for (const auto& [name, tensor] : tensors_) {
    const bool wide = tensor.scalar_type() == at::kFloat;
    if (wide) continue;
    for (const Phase phase : {Phase::A, Phase::B, Phase::C}) {
      TORCH_CHECK(!trains_(name, phase) || masters_.contains(name), name, " is ",
                  tensor.scalar_type(), " and trains, but has no float32 master");
    }
  }
}

const at::Tensor& TrainedState::master(const std::string& name) const {
  const auto found = masters_.find(name);
  return found == masters_.end() ? tensors_.at(name) : found->second;
}

void TrainedState::round_masters(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = masters_.find(name);
    if (found != masters_.end()) tensors_.at(name).detach().copy_(found->second);
  }
}

void TrainedState::round_all() {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : masters_) names.push_back(name);
  round_masters(names);
}

void TrainedState::enter(Phase phase) {
  if (phase_ == phase) return;
  const bool fresh = !phase_ || *phase_ == Phase::A;
  phase_ = phase;
  names_.clear();
  trained_.clear();
  accumulated_.clear();
  AdamW::Tensors keep;
  std::set<std::string> with_gradient;
  for (const auto& [name, tensor] : tensors_) {
    if (!trains_(name, phase)) continue;
    names_.push_back(name);
    trained_.push_back(tensor);
    keep.emplace(name, tensor);
    with_gradient.insert(name);
  }
  models::enable_gradients(tensors_, with_gradient);
  if (fresh) optimizer_.clear();
  optimizer_.drop_all_but(keep);
}

void TrainedState::begin_step() {
  const tensor::NoGradient no_gradient;
  gradients_.clear();
  if (trained_.empty()) return;
  if (accumulated_.empty()) {
    std::int64_t elements = 0;
    for (const at::Tensor& tensor : trained_) elements += tensor.numel();
    const auto options = trained_[0].options().requires_grad(false).dtype(
        sum_ == Sum::Fast ? at::kFloat : at::kLong);
    flat_ = at::zeros({elements}, options);
    std::int64_t offset = 0;
    for (const at::Tensor& tensor : trained_) {
      accumulated_.push_back(flat_.narrow(0, offset, tensor.numel()).view(tensor.sizes()));
      offset += tensor.numel();
    }
  }
  flat_.zero_();
  if (sum_ == Sum::Reproducible)
    overflow_ =
        at::zeros({static_cast<std::int64_t>(trained_.size())}, flat_.options().dtype(at::kLong));
}

void TrainedState::add(const std::vector<at::Tensor>& gradients) {
  const tensor::NoGradient no_gradient;
  TORCH_CHECK(gradients.size() == accumulated_.size(), "a microbatch brought ", gradients.size(),
              " gradients for ", accumulated_.size(), " tensors");
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    if (sum_ == Sum::Fast) {
      accumulated_[i].add_(gradients[i]);
      continue;
    }
    const at::Tensor wide = gradients[i].to(at::kDouble);
    const at::Tensor size = wide.abs();
    // A NaN compares false, so it is caught too.
    if (!(size.numel() == 0 || size.max().item<double>() < kLargest)) {
      overflow_[static_cast<std::int64_t>(i)] += 1;
      continue;
    }
    accumulated_[i].add_(wide.mul_(kUnits).round_().to(at::kLong));
  }
}

std::vector<at::Tensor> TrainedState::to_reduce() {
  if (trained_.empty()) return {};
  if (sum_ == Sum::Reproducible) return {flat_, overflow_};
  return {flat_};
}

void TrainedState::finish() {
  const tensor::NoGradient no_gradient;
  if (sum_ == Sum::Fast) {
    gradients_ = accumulated_;
    return;
  }
  gradients_.clear();
  for (std::size_t i = 0; i < accumulated_.size(); ++i) {
    at::Tensor gradient = accumulated_[i].to(at::kDouble).mul_(1 / kUnits).to(at::kFloat);
    if (overflow_[static_cast<std::int64_t>(i)].item<std::int64_t>() > 0)
      gradient.fill_(std::numeric_limits<float>::quiet_NaN());
    gradients_.push_back(std::move(gradient));
  }
}

TrainedState::Norms TrainedState::norms(int rank, int size) const {
  Norms norms;
  for (std::size_t i = static_cast<std::size_t>(rank); i < gradients_.size();
       i += static_cast<std::size_t>(size)) {
    const double squared = squared_norm(gradients_[i]);
    if (!std::isfinite(squared) && norms.finite) {
      norms.finite = false;
      norms.first_bad = names_[i];
    }
    norms.squared.emplace_back(names_[i], squared);
  }
  return norms;
}

void TrainedState::commit(double lr, double scale) {
  const tensor::NoGradient no_gradient;
  AdamW::Tensors parameters;
  AdamW::Tensors gradients;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    parameters.emplace(names_[i], master(names_[i]));
    gradients.emplace(names_[i], gradients_[i]);
  }
  optimizer_.step(parameters, gradients, lr, scale);
  round_masters(names_);
}

void TrainedState::copy_values(std::string_view from, std::string_view to) {
  const tensor::NoGradient no_gradient;
  for (const auto& [name, tensor] : tensors_) {
    if (!name.starts_with(from)) continue;
    const std::string target = std::string(to) + name.substr(from.size());
    tensors_.at(target).detach().copy_(tensor);
    const auto master = masters_.find(target);
    if (master != masters_.end()) master->second.copy_(this->master(name));
  }
}

std::vector<std::pair<std::string, HostTensor>> TrainedState::snapshot() const {
  std::vector<std::pair<std::string, HostTensor>> out;
  for (const auto& [name, tensor] : tensors_)
    out.emplace_back(name, tensor::copy_to_host(master(name)));
  for (const auto& [name, tensor] : optimizer_.state())
    out.emplace_back(std::string(kOptimizer) + name, tensor::copy_to_host(tensor));
  return out;
}

void TrainedState::restore(Phase phase, const std::map<std::string, HostTensor>& saved) {
  const tensor::NoGradient no_gradient;
  phase_.reset();
  enter(phase);
  const std::string device = tensors_.empty() ? "cpu" : tensors_.begin()->second.device().str();
  std::map<std::string, HostTensor> values;
  AdamW::Tensors optimizer;
  for (const auto& [name, host] : saved) {
    if (name.starts_with(kOptimizer))
      optimizer.emplace(name.substr(kOptimizer.size()), tensor::from_host(host, device));
    else if (tensors_.contains(name))
      values.emplace(name, host);
  }
  models::NamedTensors targets = masters_;
  targets.insert(tensors_.begin(), tensors_.end());  // where there is no master
  models::load(targets, values);
  round_all();
  optimizer_.restore(optimizer);
}

void TrainedState::start_from(const std::map<std::string, HostTensor>& saved) {
  models::NamedTensors into;
  std::map<std::string, HostTensor> values;
  for (const auto& [name, tensor] : tensors_) {
    const auto found = saved.find(name);
    if (found == saved.end()) continue;
    into.emplace(name, master(name));
    values.emplace(name, found->second);
  }
  models::load(into, values);
  round_all();
}

models::NamedTensors masters_of(const models::NamedTensors& tensors,
                                const TrainedState::Trains& trains, const std::string& device) {
  const tensor::NoGradient no_gradient;
  models::NamedTensors masters;
  for (const auto& [name, tensor] : tensors) {
    bool ever = false;
    for (const Phase phase : {Phase::A, Phase::B, Phase::C}) ever = ever || trains(name, phase);
    if (!ever) continue;
    masters.emplace(name, tensor.detach().to(at::Device(device), at::kFloat,
                                             /*non_blocking=*/false, /*copy=*/true));
  }
  return masters;
}

}  // namespace desa2va::training
