#include "launcher/run/watch.h"

#include <csignal>

namespace desa2va::launcher {
namespace {

// The exit code that this end asks for.
int code_of(const supervision::Exited& exited) {
  const int own = exited.report ? exited.report->exit_code : exited.exit_code;
  switch (static_cast<ExitCode>(own)) {
    case ExitCode::Usage:
    case ExitCode::Data:
    case ExitCode::Training:
    case ExitCode::Storage:
    case ExitCode::Bug:
      return own;
    default:  // killed, or gone without a word
      return static_cast<int>(ExitCode::Service);
  }
}

}  // namespace

Next Watch::on_signals(int count, int last) {
  if (count <= signals_) return Next::Wait;
  const bool first = signals_ == 0 && count == 1;
  signals_ = count;
  last_signal_ = last;
  if (first && !failure() && ready_) return Next::AskToFinish;
  if (first && !failure()) return Next::Kill;  // nothing has begun: no second thoughts to report
  killing_ = true;
  return Next::Kill;
}

Next Watch::on_exit(const supervision::Exited& exited) {
  if (running_ > 0) --running_;
  const bool failed_before = failure().has_value();
  exits_.push_back(exited);
  constexpr int kInterrupted = static_cast<int>(ExitCode::Interrupted);
  if (exited.name == conductor_ && exited.signal == 0 &&
      (exited.report ? exited.report->exit_code : exited.exit_code) == kInterrupted) {
    conductor_interrupted_ = true;
    exits_.back().exit_code = 0;
    exits_.back().report.reset();
  }
  if (running_ == 0) return Next::End;
  return failure() && !failed_before ? Next::Stop : Next::Wait;
}

std::optional<Failure> Watch::failure() const {
  const supervision::Exited* cause = supervision::first_cause(exits_);
  if (cause == nullptr) return std::nullopt;
  const int code = code_of(*cause);
  return Failure{cause->name, cause->describe(), remedy_for(code, cause->name), cause->log_tail,
                 code};
}

int Watch::exit_code() const {
  if (const auto failed = failure()) return failed->exit_code;
  if (!interrupted()) return static_cast<int>(ExitCode::Done);
  const bool preempted = last_signal_ == SIGTERM && !killing_;
  return static_cast<int>(preempted ? ExitCode::Preempted : ExitCode::Interrupted);
}

std::string remedy_for(int exit_code, const std::string& process) {
  switch (static_cast<ExitCode>(exit_code)) {
    case ExitCode::Usage:
      return "mend what is named above and run the same command again";
    case ExitCode::Data:
      return "look at the data with `desa2va shards verify`; a few bad samples may be allowed by "
             "data.failure_budget";
    case ExitCode::Training:
      return "look at grad_norm in metrics.jsonl; a lower train.lr, or a run from an earlier "
             "checkpoint, may help";
    case ExitCode::Storage:
      return "make room on the disk; for a corrupt checkpoint see `desa2va ckpt verify`; then run "
             "the same command again: it goes on from the last checkpoint";
    case ExitCode::Bug:
      return "this is a bug of ours; please report it with logs/" + process + ".log";
    default:
      return "run the same command again: it goes on from the last checkpoint; if it was killed "
             "for memory, see `desa2va doctor`";
  }
}

}  // namespace desa2va::launcher
