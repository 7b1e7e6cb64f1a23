#pragma once

#include <map>

#include "common/protocol/turns.h"
#include "services/sam2/codec.h"
#include "services/sam2/stage.h"

namespace desa2va::sam2 {

// Order and failure of the sam2 role: frames and prompts in, gradients of the prompts out. While it
// has no prompts to decode, the frozen encoder runs ahead, across step boundaries too. Belongs to
// the compute thread; everything given must outlive it.
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
  Result<bool> decode_next();
  Result<bool> encode_ahead();

  const Rank self_;
  const Config& config_;
  const protocol::Routes& routes_;
  Stage& stage_;
  protocol::Courier& courier_;
  protocol::Member member_;
  protocol::Turns turns_;
  protocol::Pending<messages::Frames> frames_;
  protocol::Pending<messages::Prompts> prompts_;
  std::map<std::uint64_t, Phase> to_encode_;  // microbatches whose frames are here, not encoded yet
};

}  // namespace desa2va::sam2
