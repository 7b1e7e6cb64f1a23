#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/messages/codec.h"
#include "common/protocol/courier.h"
#include "common/protocol/routes.h"

namespace desa2va::protocol {

struct OpenStep {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  double learning_rate = 0;
  double progress = 0;  // p of B and C
};

// What a rank does at each point of the step transaction; the service implements it with its stage.
class StepActions {
 public:
  virtual ~StepActions() = default;
  // Take the state of this step; 0: the first weights, from the store where it has a step 0.
  virtual Result<void> restore(std::uint64_t step) = 0;
  virtual Result<void> begin_step(const OpenStep& step) = 0;
  // Starts to reduce the gradients among the replicas of the role; then `reduced` is asked until
  // true. Never blocks.
  virtual Result<void> start_reduce() = 0;
  virtual Result<bool> reduced() = 0;
  virtual Result<messages::Prepared> prepare() = 0;
  virtual Result<messages::Done> commit(double scale) = 0;
  virtual Result<messages::Done> skip() = 0;
  // Nothing of the step is undone after this.
  virtual Result<void> committed(const OpenStep& step) = 0;
  // Takes a copy of the committed state and writes it in the background; then `saved` is asked.
  virtual Result<void> start_save(std::uint64_t step) = 0;
  // The receipt, once. Overloaded: the disk is full; the save is abandoned and training goes on.
  virtual Result<std::optional<Buffer>> saved() = 0;
};

// One rank's side of the step transaction (docs/architecture.md): Hello, Generation, Ready; then
// per step Step, the microbatches, Prepared, Commit or Skip, Done, Committed; Save between steps.
// Holds the order; the work is in `actions`. Belongs to the service's thread.
class Member {
 public:
  Member(Rank self, const Routes& routes, Courier& courier, StepActions& actions);

  Result<void> hello(std::vector<std::pair<std::string, std::string>> facts);

  // A message from the coordinator.
  Result<void> on_control(const transport::Message& message);

  // The open step while microbatches flow; empty outside.
  const std::optional<OpenStep>& open() const { return open_; }
  // One more of this rank's microbatches is finished in the open step.
  void microbatch_done() { ++done_; }
  // Moves the transaction on: reduce, Prepared, Saved. True if anything happened.
  Result<bool> advance();

  // Losses of a microbatch, in the open step.
  Result<void> report(std::uint64_t global, const messages::Losses& losses);

  bool finished() const { return finished_; }
  // What a wait is booked as in the trace.
  bool in_commit() const { return state_ != State::Idle && state_ != State::Flowing; }
  std::uint64_t last_step() const { return last_step_; }
  bool ready() const { return ready_; }

 private:
  enum class State { Idle, Flowing, Reducing, Prepared, Applied };
  Result<void> apply(Result<messages::Done> done);
  Stamp stamp() const;
  Result<void> wrong_order(messages::Kind kind) const;

  const Rank self_;
  const Routes& routes_;
  Courier& courier_;
  StepActions& actions_;

  State state_ = State::Idle;
  std::optional<OpenStep> open_;
  OpenStep current_;
  std::size_t done_ = 0;
  std::size_t own_ = 0;  // microbatches of this rank in the open step
  std::optional<std::uint64_t> saving_;
  std::uint64_t last_step_ = 0;
  bool ready_ = false;
  bool finished_ = false;
};

}  // namespace desa2va::protocol
