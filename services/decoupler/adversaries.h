#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/messages/control.h"
#include "common/models/desa2va/decoupler.h"
#include "common/protocol/saver.h"
#include "common/training/optim/adamw.h"

namespace desa2va::decoupler {

// What the discriminators and CLUB learn from: the features of one microbatch, one row a [SEG].
struct Features {
  at::Tensor h_t, h_v, h_r, v_ref;  // (n, dim), detached; v_ref undefined when it was not pooled
};

// The networks that judge the two prompts, with their own optimizers and the FIFO of pairs. They
// learn once a step, at its commit (`adv.order=after`) or before its first backward (`before`), so
// every microbatch of a step meets them in one state. Belongs to the compute thread; throws.
class Adversaries {
 public:
  // `device`: of the model, and so of all that is kept here.
  Adversaries(const config::DecouplerConfig& config, models::DecouplerModel& model,
              std::string device);

  // From one step of B or C; `step` in (microbatch, row) order. One Adam step of the discriminators
  // on the mean of L_D over all rows, all pairs into the FIFO, and every `club.update_every`-th
  // time CLUB's inner steps. Without rows only the counter moves. Returns what it measured.
  messages::NamedNumbers learn(const std::vector<Features>& step);

  // Everything that `learn` changes, to take it back when the step is skipped.
  struct Saved {
    models::NamedTensors parameters;
    training::AdamW::Tensors discriminator_state, club_state;
    at::Tensor fifo_t, fifo_v;
    std::uint64_t updates = 0;
    bool club_ready = false;
  };
  Saved save() const;
  void take_back(const Saved& saved);

  const at::Tensor& fifo_t() const { return fifo_t_; }
  const at::Tensor& fifo_v() const { return fifo_v_; }
  // CLUB was fitted at least once: before that its estimate means nothing.
  bool club_ready() const { return club_ready_; }

  void snapshot(protocol::Snapshot& into) const;
  void restore(const std::map<std::string, HostTensor>& tensors,
               const std::map<std::string, std::string>& blobs);

 private:
  double step_discriminators(const Features& rows);
  double fit_club();

  const config::DecouplerConfig config_;
  const std::string device_;
  models::DecouplerModel& model_;
  models::NamedTensors discriminators_;
  models::NamedTensors club_;
  training::AdamW discriminator_optimizer_;
  training::AdamW club_optimizer_;
  at::Tensor fifo_t_, fifo_v_;  // (m, dim) raw rows, the newest last; undefined before the first
  std::uint64_t updates_ = 0;   // steps of B and C that were learned from
  bool club_ready_ = false;
};

}  // namespace desa2va::decoupler
