#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/host_tensor.h"
#include "common/protocol/member.h"
#include "common/protocol/saver.h"
#include "common/training/collectives/collective.h"
#include "common/training/state/trained_state.h"

namespace desa2va::training {

// The stage of a role that trains, as the step transaction sees it. Throws.
class TrainedStage {
 public:
  virtual ~TrainedStage() = default;

  virtual TrainedState& state() = 0;
  virtual void begin_step(const protocol::OpenStep& step) = 0;
  // The optimizer's update, and whatever else is part of the commit; what it measured.
  virtual messages::NamedNumbers commit(const protocol::OpenStep& step, double scale) = 0;
  // The step's gradients and features are forgotten.
  virtual void skip() = 0;
  virtual void committed(const protocol::OpenStep& step) = 0;

  // What a checkpoint holds beyond `state()`: tensors and small named bytes.
  virtual protocol::Snapshot extra() const = 0;
  // `tensors` holds the extra ones and those of `state()`, which is restored already.
  virtual void restore_extra(const std::map<std::string, HostTensor>& tensors,
                             const std::map<std::string, std::string>& blobs) = 0;
};

// One replica of a role that trains: the step transaction done with its stage, a collective among
// the replicas and the checkpoint store. The gate between the stage, which throws, and the service.
class Replica final : public protocol::StepActions {
 public:
  // `store`: the checkpoint store's directory; `threads`: of every operator of this role.
  Replica(Rank self, std::string store, int threads, TrainedStage& stage,
          std::unique_ptr<Collective> collective, std::function<void()> wake);

  Result<void> restore(std::uint64_t step) override;
  Result<void> begin_step(const protocol::OpenStep& step) override;
  Result<void> start_reduce() override;
  Result<bool> reduced() override;
  Result<messages::Prepared> prepare() override;
  Result<messages::Done> commit(double scale) override;
  Result<messages::Done> skip() override;
  Result<void> committed(const protocol::OpenStep& step) override;
  Result<void> start_save(std::uint64_t step) override;
  Result<std::optional<Buffer>> saved() override;

 private:
  const Rank self_;
  const std::string store_;
  const int threads_;
  TrainedStage& stage_;
  std::unique_ptr<Collective> collective_;
  protocol::Saver saver_;
  protocol::OpenStep step_;
};

}  // namespace desa2va::training
