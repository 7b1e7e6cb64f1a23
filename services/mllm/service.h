#pragma once

#include "common/protocol/turns.h"
#include "services/mllm/codec.h"
#include "services/mllm/stage.h"

namespace desa2va::mllm {

// Order and failure of the mllm role: batches in, states out to the decoupler, gradients back.
// Keeps up to `in_flight` microbatches open and runs forward and backward in microbatch order each.
// Belongs to the compute thread; everything given must outlive it.
class Service {
 public:
  Service(Rank self, const Config& config, const protocol::Routes& routes, Stage& stage,
          training::Replica& replica, protocol::Courier& courier);

  // Says hello to the coordinator; `facts`: what equal bits depend on.
  Result<void> start(std::vector<std::pair<std::string, std::string>> facts);
  // Takes what is there, does at most one stage call, never waits. True if anything happened.
  Result<bool> pump();
  bool finished() const { return member_.finished(); }
  tracing::Span waiting_for() const { return protocol::waiting_for(courier_, member_); }

 private:
  Result<void> take(transport::Message message);
  Result<bool> work();
  Result<bool> backward_next();
  Result<bool> forward_next();

  const Rank self_;
  const Config& config_;
  const protocol::Routes& routes_;
  Stage& stage_;
  protocol::Courier& courier_;
  protocol::Member member_;
  protocol::Turns turns_;
  protocol::Pending<messages::Batch> batches_;
  protocol::Pending<messages::SegGradients> gradients_;
};

}  // namespace desa2va::mllm
