#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/messages/control.h"
#include "common/messages/decoupler_to_sam2.h"
#include "common/messages/mllm_to_decoupler.h"
#include "common/training/replica/replica.h"
#include "services/decoupler/config.h"

namespace desa2va::decoupler {

// What a backward pass gives: gradients that go on to the language model, and the feature losses
// (undivided).
struct Backward {
  messages::SegGradients gradients;
  messages::Losses losses;
};

// [SEG] states to two prompts, and the losses that pull the prompts apart. Values in, values out;
// throws. One thread.
class Stage final : public training::TrainedStage {
 public:
  explicit Stage(const Config& config);
  ~Stage() override;

  // `adv.order=before`, in B and C: the estimators learn from this step before its first backward.
  bool learns_first() const;
  // One of what `forward` gave prompts for, with what came back for it.
  struct Returned {
    std::uint64_t microbatch = 0;
    const messages::PromptGradients* gradients = nullptr;
  };
  // Once a step where `learns_first()`, with all its microbatches in order, before any `backward`.
  void learn_first(const std::vector<Returned>& all);

  // Keeps the graph until `backward`. In A only the real texts become prompts.
  messages::Prompts forward(std::uint64_t microbatch, const messages::SegStates& states);
  // The mask branches' gradients and those of the feature losses, through the linears. In order.
  Backward backward(std::uint64_t microbatch, const messages::PromptGradients& gradients);

  training::TrainedState& state() override;
  void begin_step(const protocol::OpenStep& step) override;
  messages::NamedNumbers commit(const protocol::OpenStep& step, double scale) override;
  void skip() override;
  void committed(const protocol::OpenStep&) override {}
  protocol::Snapshot extra() const override;
  void restore_extra(const std::map<std::string, HostTensor>& tensors,
                     const std::map<std::string, std::string>& blobs) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::decoupler
