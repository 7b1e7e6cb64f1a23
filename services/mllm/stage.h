#pragma once

#include <cstdint>
#include <memory>

#include "common/messages/control.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/mllm_to_decoupler.h"
#include "common/training/replica/replica.h"
#include "services/mllm/config.h"

namespace desa2va::mllm {

// What a forward pass gives: the states that go on, and the language loss (undivided).
struct Forwarded {
  messages::SegStates states;
  messages::Losses losses;
};

// InternViT, projector and Qwen2 with LoRA: a batch to [SEG] states and the language loss, and
// gradients of the states back into the trained tensors. Values in, values out; throws. One thread.
class Stage final : public training::TrainedStage {
 public:
  // First weights are a function of the seed.
  explicit Stage(const Config& config);
  ~Stage() override;

  // `microbatch`: its number over the run, which dropout draws from. In B and C the graph is kept
  // until `backward`; in A only the real texts run and nothing is kept.
  Forwarded forward(std::uint64_t microbatch, const messages::Batch& batch);
  // d(language loss / M) and the states' gradients into the step's gradients. Call in order.
  void backward(std::uint64_t microbatch, const messages::SegGradients& gradients);
  std::int64_t open() const;  // forwards without backward

  training::TrainedState& state() override;
  void begin_step(const protocol::OpenStep& step) override;
  messages::NamedNumbers commit(const protocol::OpenStep& step, double scale) override;
  void skip() override {}
  void committed(const protocol::OpenStep&) override {}
  protocol::Snapshot extra() const override;
  void restore_extra(const std::map<std::string, HostTensor>& tensors,
                     const std::map<std::string, std::string>& blobs) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::mllm
