#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/host_tensor.h"
#include "common/base/ids.h"
#include "common/models/weights/parameters.h"
#include "common/training/optim/adamw.h"

namespace desa2va::training {

// How the gradients of microbatches and replicas are added.
enum class Sum {
  Fast,          // float32, in microbatch order, then the collective's own order
  Reproducible,  // int64 in units of 2^-44: the same bits for any grouping; |g| >= 2^12 is
                 // non-finite
};

// The trained tensors of one role: gradients of the open step, optimizer, and what a checkpoint
// holds of them. The model's tensors are shared, not copied. Belongs to the compute thread; throws.
class TrainedState {
 public:
  using Trains = std::function<bool(const std::string& name, Phase phase)>;

  // `tensors`: everything the role holds, by canonical name and on one device; `trains`: which of
  // them train when. `masters`: float32 values of those tensors that are narrower and train in some
  // phase (`masters_of`); the state keeps them, moves them, and rounds them into the model's.
  TrainedState(models::NamedTensors tensors, Trains trains, AdamWOptions optimizer, Sum sum,
               models::NamedTensors masters = {});

  // From here on what trains in `phase` has gradients, all else not. A leaves a new optimizer
  // behind; from B to C it goes on, and what joins starts with step count 0. Nothing happens when
  // the phase is this one already.
  void enter(Phase phase);

  // The tensors that train, in name order: what to differentiate by. Empty when nothing trains.
  const std::vector<at::Tensor>& trained() const { return trained_; }

  // Every gradient of the step is zero: what the data does not reach still decays.
  void begin_step();
  // Adds one microbatch: gradients in the order of `trained()`; undefined ones are zero.
  void add(const std::vector<at::Tensor>& gradients);

  // What replicas have to sum, in place, before `finish`.
  std::vector<at::Tensor> to_reduce();
  // The sums are complete: the gradients of the step.
  void finish();

  struct Norms {
    std::vector<std::pair<std::string, double>> squared;  // of the tensors this replica owns
    bool finite = true;
    std::string first_bad;
  };
  // Replica `rank` of `size` owns every size-th tensor in name order.
  Norms norms(int rank, int size) const;

  // One AdamW update with the step's gradients times `scale`.
  void commit(double lr, double scale);

  // All tensors and the optimizer's state ("optimizer/..."), copied. Of a tensor with a master it
  // is the master.
  std::vector<std::pair<std::string, HostTensor>> snapshot() const;
  // The inverse, in the phase the snapshot was taken in. Names it does not know are left to others.
  void restore(Phase phase, const std::map<std::string, HostTensor>& saved);
  // First values from elsewhere, of any element type: those of `saved` are taken, what it lacks
  // keeps what it was initialised with. No optimizer state; the phase is the first step's matter.
  void start_from(const std::map<std::string, HostTensor>& saved);

  // The value of every tensor `from...` becomes that of `to...`, masters included. For commits that
  // begin something new from something trained; the optimizer's state of `to...` is not touched.
  void copy_values(std::string_view from, std::string_view to);

  const models::NamedTensors& tensors() const { return tensors_; }

 private:
  // The float32 values that the optimizer moves.
  const at::Tensor& master(const std::string& name) const;
  void round_masters(const std::vector<std::string>& names);
  void round_all();

  models::NamedTensors tensors_;
  const models::NamedTensors masters_;
  const Trains trains_;
  std::optional<Phase> phase_;
  AdamW optimizer_;
  const Sum sum_;
  std::vector<std::string> names_;  // of trained_, ascending
  std::vector<at::Tensor> trained_;
  at::Tensor flat_;                      // float32 or int64, as `sum_` says: one block to reduce
  std::vector<at::Tensor> accumulated_;  // of each trained tensor, views of flat_
  at::Tensor overflow_;                  // int64 per trained tensor, Reproducible only
  std::vector<at::Tensor> gradients_;    // float32, after finish
};

// Float32 copies, on `device`, of the tensors that train in some phase: taken before the model is
// rounded to a narrower type, which must happen before the state is made.
models::NamedTensors masters_of(const models::NamedTensors& tensors,
                                const TrainedState::Trains& trains, const std::string& device);

}  // namespace desa2va::training
