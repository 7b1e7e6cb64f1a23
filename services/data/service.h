#pragma once

#include <cstdint>
#include <vector>

#include "common/protocol/courier.h"
#include "common/protocol/routes.h"
#include "common/protocol/run_plan.h"
#include "services/data/stage.h"

namespace desa2va::data {

// Order and failure of the data role: makes its microbatches one after the other and hands each to
// its mllm and sam2, as far ahead as their windows let it. It has no part in the step transaction:
// what it makes is named by global number and stays valid. Belongs to one thread.
class Service {
 public:
  Service(Rank self, const protocol::Routes& routes, const protocol::RunPlan& plan,
          DataStage& stage, protocol::Courier& courier);

  // Says hello to the coordinator.
  Result<void> start(std::vector<std::pair<std::string, std::string>> facts);
  // Takes what is there, makes at most one microbatch, never waits. True if anything happened.
  Result<bool> pump();
  bool finished() const { return finished_; }
  tracing::Span waiting_for() const {
    return courier_.idle() ? tracing::Span::WaitInput : tracing::Span::WaitCredit;
  }

 private:
  Result<void> on_control(const transport::Message& message);
  Result<bool> make_next();
  Result<void> tell(const Microbatch& made, std::uint64_t global);
  // The first microbatch of this rank from `global` on.
  std::uint64_t own_from(std::uint64_t global) const;

  const Rank self_;
  const protocol::Routes& routes_;
  const protocol::RunPlan& plan_;
  DataStage& stage_;
  protocol::Courier& courier_;
  std::uint64_t next_ = 0;  // global number
  std::uint64_t end_ = 0;   // first one that is not wanted
  bool finished_ = false;
};

}  // namespace desa2va::data
