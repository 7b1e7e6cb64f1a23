#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/protocol/courier.h"
#include "common/protocol/routes.h"
#include "common/protocol/run_plan.h"
#include "services/data/look_ahead.h"
#include "services/data/stage.h"

namespace desa2va::data {

// Order and failure of the data role: has its microbatches made, in order, and hands each to its
// mllm and sam2, as far ahead as their windows let it. It has no part in the step transaction: what
// it makes is named by global number and stays valid. Belongs to one thread; its workers see the
// stage alone.
class Service {
 public:
  // `wake` (any thread) makes the run loop pump again: a worker has made what it waits for.
  Service(Rank self, const config::Config& config, const protocol::Routes& routes,
          const protocol::RunPlan& plan, DataStage& stage, protocol::Courier& courier,
          const Clock& clock, std::function<void()> wake);

  // Says hello to the coordinator.
  Result<void> start(std::vector<std::pair<std::string, std::string>> facts);
  // Takes what is there, sends at most one microbatch, never waits. True if anything happened.
  Result<bool> pump();
  bool finished() const { return finished_; }
  tracing::Span waiting_for() const {
    return courier_.idle() ? tracing::Span::WaitInput : tracing::Span::WaitCredit;
  }

 private:
  Result<void> on_control(const transport::Message& message);
  Result<void> plan_ahead();
  Result<bool> send_next();
  Result<void> tell(const LookAhead::Made& made, const protocol::Stamp& stamp);
  Result<void> tell_figures(std::uint64_t step);
  // The first microbatch of this rank from `global` on.
  std::uint64_t own_from(std::uint64_t global) const;

  const Rank self_;
  const protocol::Routes& routes_;
  const protocol::RunPlan& plan_;
  DataStage& stage_;
  protocol::Courier& courier_;
  const Clock& clock_;
  std::uint64_t planned_ = 0;  // global number of the first that is not planned
  std::uint64_t next_ = 0;     // of the next to be sent
  std::uint64_t end_ = 0;      // first one that is not wanted
  bool finished_ = false;

  // Since the last word about them.
  struct Since {
    std::int64_t at_ns = 0;
    std::uint64_t samples = 0;
    std::uint64_t tokens = 0;
    std::uint64_t late = 0;
    MediaFigures media;
  };
  Since since_;

  LookAhead ahead_;  // last: its workers use the stage
};

}  // namespace desa2va::data
