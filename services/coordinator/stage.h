#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/messages/control.h"
#include "common/protocol/member.h"
#include "common/protocol/run_plan.h"
#include "services/coordinator/metrics.h"

// The step clock as a decision: from what is known and what just happened to what to do. No socket,
// no file, no clock; the loop around it only moves messages.
namespace desa2va::coordinator {

// What just happened.
struct FromRank {
  Rank rank;
  std::uint64_t microbatch = 0;  // global, of Losses and Replaced
  std::variant<messages::Hello, messages::Ready, messages::Losses, messages::Prepared,
               messages::Done, messages::Saved, messages::Failed, messages::Event,
               messages::Replaced, messages::Figures>
      what;
};
struct StopRequested {};  // finish the open step, save, leave with 130
struct CheckpointCommitted {
  std::uint64_t step = 0;
  Result<void> outcome;
};
using Happened = std::variant<FromRank, StopRequested, CheckpointCommitted>;

// What is remembered over the whole run, so it is part of a checkpoint: what limits count, and
// which samples could not be read.
struct Record {
  std::int64_t substituted = 0;     // samples replaced in the steps so far, but those on record
  std::int64_t skipped_in_row = 0;  // steps, the latest
  std::set<messages::SampleName> unusable;
};

// What to do.
struct Send {
  Rank to;
  protocol::OpenStep step;  // the stamp: step and phase, 0 outside steps
  std::variant<messages::Generation, messages::Step, messages::Commit, messages::Skip,
               messages::Committed, messages::Save, messages::Stop, messages::Unusable>
      what;
};
struct WriteMetrics {
  StepMetrics metrics;
};
struct WriteEvent {
  std::string kind;
  std::string json;  // members of the line, "" or "\"step\":3"
};
struct CommitCheckpoint {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  std::uint64_t position = 0;
  std::vector<Buffer> receipts;  // one a rank, encoded
  Record record;                 // as of that step
};
struct Finish {
  int exit_code = 0;
  std::string reason;  // empty when the run is complete
};
using Command = std::variant<Send, WriteMetrics, WriteEvent, CommitCheckpoint, Finish>;

struct Settings {
  std::vector<Rank> ranks;  // everyone but the coordinator
  std::int64_t microbatches = 1;
  double clip_norm = 1;
  std::uint64_t save_every = 0;  // steps; 0: only at the end
  bool save_phase_ends = false;
  std::int64_t max_skipped_in_row = 10;
  std::int64_t failure_budget = 100;  // substituted samples
  std::uint64_t restore_step = 0;
  Record restored;  // of the checkpoint of restore_step
};

// Belongs to one thread.
class Stage {
 public:
  Stage(protocol::RunPlan plan, Settings settings);

  // The commands, in order. Internal when a rank says what cannot come now.
  Result<std::vector<Command>> decide(const Happened& event);

  const protocol::RunPlan& plan() const { return plan_; }
  std::uint64_t committed_step() const { return committed_; }
  bool finished() const { return state_ == State::Finished; }

 private:
  enum class State { Gathering, Restoring, Flowing, Committing, Closing, Finished };

  Result<void> on(Rank rank, const messages::Hello& hello);
  Result<void> on(Rank rank, const messages::Ready& ready);
  Result<void> on(Rank rank, const messages::Prepared& prepared);
  Result<void> on(Rank rank, const messages::Done& done);
  Result<void> on(Rank rank, const messages::Saved& saved);
  Result<void> on(Rank rank, const messages::Event& event);
  Result<void> on(const FromRank& from, const messages::Replaced& replaced);
  void on_committed(const CheckpointCommitted& event);

  void open_step(std::uint64_t step);
  void close_step();  // norm, commit or skip
  void end_step();    // all done
  void go_on();       // next step, or the end
  void start_save();
  void finish(int exit_code, std::string reason);
  template <class T>
  void to_all(const T& what, bool training_only = false);
  void tell_unusable(std::uint64_t first_step, std::uint64_t last_step);
  bool everyone(const std::map<Rank, bool>& said, bool training_only) const;
  Result<void> expect(State state, Rank rank, const char* what) const;
  Result<void> once(std::map<Rank, bool>& said, Rank rank, const char* what) const;

  const protocol::RunPlan plan_;
  const Settings settings_;
  State state_ = State::Gathering;
  std::vector<Command> commands_;

  std::map<Rank, bool> said_;  // who did what the state waits for
  protocol::OpenStep step_;
  StepSum sum_;
  StepMetrics metrics_;  // of the step being committed
  std::map<Rank, messages::Prepared> prepared_;
  double scale_ = 1;
  bool skipping_ = false;
  std::int64_t skipped_in_row_ = 0;
  // Data runs ahead: of which step each replaced sample is, so that a checkpoint has only those
  // that a resumed run does not meet again.
  struct OfStep {
    std::int64_t substituted = 0;
    std::set<messages::SampleName> unusable;
  };
  std::map<std::uint64_t, OfStep> replaced_;
  std::int64_t substituted() const;
  Record record_of(std::uint64_t step) const;
  std::uint64_t committed_ = 0;

  bool stop_requested_ = false;
  std::optional<std::uint64_t> saving_;  // the step of the save under way
  std::map<Rank, Buffer> receipts_;
  bool save_failed_ = false;  // the save under way
  std::int64_t saving_skipped_in_row_ = 0;
  std::optional<std::uint64_t> saved_;  // the newest checkpoint
  bool last_save_failed_ = false;
};

}  // namespace desa2va::coordinator
