#pragma once

#include "common/protocol/turns.h"
#include "services/decoupler/codec.h"
#include "services/decoupler/stage.h"

namespace desa2va::decoupler {

// Order and failure of the decoupler role: states in, prompts out to sam2; gradients of the prompts
// in, gradients of the states out. Forward and backward in microbatch order each. Belongs to the
// compute thread; everything given must outlive it.
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
  Result<bool> forward_next();
  Result<bool> learned_first();
  Result<bool> backward_next();

  const Rank self_;
  const Config& config_;
  const protocol::Routes& routes_;
  Stage& stage_;
  protocol::Courier& courier_;
  protocol::Member member_;
  protocol::Turns turns_;
  std::uint64_t learned_from_ = 0;  // the step of `Stage::learn_first`; steps count from 1
  protocol::Pending<messages::SegStates> states_;
  protocol::Pending<messages::PromptGradients> gradients_;
};

}  // namespace desa2va::decoupler
