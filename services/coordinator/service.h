#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/protocol/courier.h"
#include "common/storage/checkpoint/catalog.h"
#include "services/coordinator/codec.h"
#include "services/coordinator/run_log.h"
#include "services/coordinator/stage.h"

namespace desa2va::coordinator {

// Moves messages between the ranks and the decisions of the stage, and does what it decides: sends,
// lines of metrics and events, the commit of a checkpoint. Belongs to one thread.
class Service {
 public:
  // Opens the checkpoint store and the logs of `run_dir`, cut back to the last checkpoint.
  static Result<std::unique_ptr<Service>> open(const config::Config& config,
                                               const std::string& run_dir,
                                               protocol::Courier& courier, const Clock& clock);

  // Takes what is there, decides, acts; never waits. True if anything happened.
  Result<bool> pump();
  bool finished() const { return finished_ && courier_.idle(); }
  // SIGTERM: finish the open step, save, leave with 130.
  void on_stop();
  tracing::Span waiting_for() const { return tracing::Span::WaitInput; }

  // How the run ended, once finished: 0, or the code and the reason.
  const Finish& outcome() const { return outcome_; }

 private:
  Service(const config::Config& config, protocol::Courier& courier, checkpoint::Catalog catalog,
          RunLog log, Stage stage);
  Result<void> decide(const Happened& event);
  Result<void> act(const Send& command);
  Result<void> act(const WriteMetrics& command);
  Result<void> act(const WriteEvent& command);
  Result<void> act(const CommitCheckpoint& command);
  Result<void> act(const Finish& command);
  Result<void> commit(const CommitCheckpoint& command);
  // Collects what equal bits depend on; a difference from the checkpoint's is an event.
  Result<void> remember(const messages::Hello& hello);

  const config::Config& config_;
  protocol::Courier& courier_;
  checkpoint::Catalog catalog_;
  RunLog log_;
  Stage stage_;
  DataFigures figures_;
  std::map<std::string, std::string> facts_;  // of the ranks' Hellos
  std::map<std::string, std::string> facts_of_checkpoint_;
  bool stop_requested_ = false;
  bool finished_ = false;
  Finish outcome_;
};

}  // namespace desa2va::coordinator
