#include "services/decoupler/adversaries.h"

#include <set>

#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>

#include "common/tensor/bridge.h"
#include "common/tensor/gradients.h"

namespace desa2va::decoupler {
namespace {

constexpr std::string_view kDiscriminatorState = "optimizer.discriminators/";
constexpr std::string_view kClubState = "optimizer.club/";
constexpr const char* kFifoText = "decoupler.fifo_t";
constexpr const char* kFifoVisual = "decoupler.fifo_v";
constexpr const char* kCounters = "decoupler.counters";

training::AdamWOptions adam(double beta1) {
  return {beta1, 0.999, 1e-8, 0};
}

models::NamedTensors select(const models::NamedTensors& all,
                            const std::vector<std::string>& names) {
  models::NamedTensors chosen;
  for (const std::string& name : names) chosen.emplace(name, all.at(name));
  return chosen;
}

// One Adam step of `parameters` on `loss()`; they record a graph only meanwhile.
template <class Loss>
double minimise(const models::NamedTensors& parameters, training::AdamW& optimizer, double lr,
                Loss loss) {
  std::set<std::string> names;
  std::vector<at::Tensor> inputs;
  for (const auto& [name, tensor] : parameters) {
    names.insert(name);
    inputs.push_back(tensor);
  }
  models::enable_gradients(parameters, names);
  const at::Tensor value = loss();
  const auto gradients = tensor::gradients({value}, {at::ones_like(value)}, inputs);
  models::enable_gradients(parameters, {});
  training::AdamW::Tensors by_name;
  std::size_t i = 0;
  for (const auto& [name, tensor] : parameters) by_name.emplace(name, gradients[i++]);
  const tensor::NoGradient no_gradient;
  optimizer.step(parameters, by_name, lr);
  return value.item<double>();
}

training::AdamW::Tensors copies(const training::AdamW::Tensors& tensors) {
  training::AdamW::Tensors copied;
  for (const auto& [name, tensor] : tensors) copied.emplace(name, tensor.clone());
  return copied;
}

at::Tensor rows_of(const std::vector<Features>& step, at::Tensor Features::*member) {
  std::vector<at::Tensor> rows;
  for (const Features& features : step) {
    if ((features.*member).defined()) rows.push_back(features.*member);
  }
  return rows.empty() ? at::Tensor() : at::cat(rows);
}

void put_state(const training::AdamW& optimizer, std::string_view prefix,
               protocol::Snapshot& into) {
  for (const auto& [name, tensor] : optimizer.state())
    into.tensors.emplace_back(std::string(prefix) + name, tensor::copy_to_host(tensor));
}

training::AdamW::Tensors take_state(const std::map<std::string, HostTensor>& tensors,
                                    std::string_view prefix, const std::string& device) {
  training::AdamW::Tensors state;
  for (const auto& [name, host] : tensors) {
    if (name.starts_with(prefix))
      state.emplace(name.substr(prefix.size()), tensor::from_host(host, device));
  }
  return state;
}

}  // namespace

Adversaries::Adversaries(const config::DecouplerConfig& config, models::DecouplerModel& model,
                         std::string device)
    : config_(config),
      device_(std::move(device)),
      model_(model),
      discriminators_(select(model.named_parameters(), model.discriminator_names())),
      club_(select(model.named_parameters(), model.club_names())),
      discriminator_optimizer_(adam(0.5)),
      club_optimizer_(adam(0.9)) {}

messages::NamedNumbers Adversaries::learn(const std::vector<Features>& step) {
  ++updates_;
  const Features rows{rows_of(step, &Features::h_t), rows_of(step, &Features::h_v),
                      rows_of(step, &Features::h_r), rows_of(step, &Features::v_ref)};
  messages::NamedNumbers measured;
  if (!rows.h_t.defined() || rows.h_t.size(0) == 0) return measured;
  if (config_.adv.objective != "off") measured.emplace_back("disc_loss", step_discriminators(rows));
  fifo_t_ = models::push_rows(fifo_t_, rows.h_t, config_.club.fifo_size);
  fifo_v_ = models::push_rows(fifo_v_, rows.h_v, config_.club.fifo_size);
  const bool due = updates_ % static_cast<std::uint64_t>(config_.club.update_every) == 0;
  if (due && fifo_t_.size(0) >= 2) measured.emplace_back("club_fit", fit_club());
  return measured;
}

Adversaries::Saved Adversaries::save() const {
  Saved saved;
  for (const auto* part : {&discriminators_, &club_}) {
    for (const auto& [name, tensor] : *part) saved.parameters.emplace(name, tensor.clone());
  }
  saved.discriminator_state = copies(discriminator_optimizer_.state());
  saved.club_state = copies(club_optimizer_.state());
  saved.fifo_t = fifo_t_;  // pushing makes new tensors
  saved.fifo_v = fifo_v_;
  saved.updates = updates_;
  saved.club_ready = club_ready_;
  return saved;
}

void Adversaries::take_back(const Saved& saved) {
  const tensor::NoGradient no_gradient;
  for (const auto* part : {&discriminators_, &club_}) {
    for (const auto& [name, tensor] : *part) tensor.copy_(saved.parameters.at(name));
  }
  discriminator_optimizer_.restore(copies(saved.discriminator_state));
  club_optimizer_.restore(copies(saved.club_state));
  fifo_t_ = saved.fifo_t;
  fifo_v_ = saved.fifo_v;
  updates_ = saved.updates;
  club_ready_ = saved.club_ready;
}

double Adversaries::step_discriminators(const Features& rows) {
  return minimise(discriminators_, discriminator_optimizer_, config_.adv.lr, [&] {
    return model_.discriminator_loss(rows.h_t, rows.h_v, rows.v_ref, rows.h_r);
  });
}

double Adversaries::fit_club() {
  double loss = 0;
  for (std::int64_t i = 0; i < config_.club.inner_steps; ++i)
    loss = minimise(club_, club_optimizer_, config_.club.lr,
                    [&] { return model_.club_fit_loss(fifo_t_, fifo_v_); });
  club_ready_ = true;
  return loss;
}

void Adversaries::snapshot(protocol::Snapshot& into) const {
  put_state(discriminator_optimizer_, kDiscriminatorState, into);
  put_state(club_optimizer_, kClubState, into);
  if (fifo_t_.defined()) {
    into.tensors.emplace_back(kFifoText, tensor::copy_to_host(fifo_t_));
    into.tensors.emplace_back(kFifoVisual, tensor::copy_to_host(fifo_v_));
  }
  into.blobs.emplace_back(kCounters, fmt::format("{} {}", updates_, club_ready_ ? 1 : 0));
}

void Adversaries::restore(const std::map<std::string, HostTensor>& tensors,
                          const std::map<std::string, std::string>& blobs) {
  discriminator_optimizer_.restore(take_state(tensors, kDiscriminatorState, device_));
  club_optimizer_.restore(take_state(tensors, kClubState, device_));
  const auto fifo = tensors.find(kFifoText);
  if (fifo != tensors.end()) {
    fifo_t_ = tensor::from_host(fifo->second, device_).clone();
    fifo_v_ = tensor::from_host(tensors.at(kFifoVisual), device_).clone();
  }
  const auto counters = blobs.find(kCounters);
  if (counters != blobs.end()) {
    std::size_t end = 0;
    updates_ = std::stoull(counters->second, &end);
    club_ready_ = counters->second.substr(end + 1) == "1";
  }
}

}  // namespace desa2va::decoupler
