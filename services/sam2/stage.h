#pragma once

#include <cstdint>
#include <memory>

#include "common/messages/control.h"
#include "common/messages/data_to_sam2.h"
#include "common/messages/decoupler_to_sam2.h"
#include "common/training/replica/replica.h"
#include "services/sam2/config.h"

namespace desa2va::sam2 {

// What decoding gives: gradients of the prompts with v*, and the mask losses (undivided).
struct Decoded {
  messages::PromptGradients gradients;
  messages::Losses losses;
};

// Frames to features, prompts to masks, masks to losses and gradients. Values in, values out;
// throws. One thread.
class Stage final : public training::TrainedStage {
 public:
  explicit Stage(const Config& config);
  ~Stage() override;

  // Whether the frames of this phase may be encoded before their step is open.
  bool encodes_ahead(Phase phase) const;
  // Runs the frozen encoder and keeps the features until `decode`.
  void encode(std::uint64_t microbatch, const messages::Frames& frames);
  bool encoded(std::uint64_t microbatch) const;
  std::int64_t features_held() const;

  // Both decoders, the losses and their gradients into the step's; encodes first what is not yet.
  Decoded decode(std::uint64_t microbatch, const messages::Frames& frames,
                 const messages::Prompts& prompts);

  training::TrainedState& state() override;
  void begin_step(const protocol::OpenStep& step) override;
  messages::NamedNumbers commit(const protocol::OpenStep& step, double scale) override;
  void skip() override {}
  void committed(const protocol::OpenStep& step) override;
  protocol::Snapshot extra() const override { return {}; }
  void restore_extra(const std::map<std::string, HostTensor>&,
                     const std::map<std::string, std::string>&) override {}

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::sam2
