#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/runtime/supervision/stop_signals.h"
#include "launcher/run/console.h"
#include "launcher/run/run_dir.h"
#include "launcher/run/step_time.h"
#include "launcher/run/watch.h"

namespace desa2va::launcher {

// How one launch ended.
struct LaunchResult {
  int exit_code = 0;
  std::optional<Failure> failure;
  bool interrupted = false;
  std::uint64_t first_step = 0;  // committed before this launch
  std::uint64_t last_step = 0;   // committed now
  std::uint64_t samples = 0;     // of the steps of this launch
  double seconds = 0;
  std::map<Role, double> busy;             // share of the time each role computed
  std::optional<StepTime> step_time = {};  // of the traces it left
};

// Starts every process of the run and stays until the last has ended: shows progress, hands the
// first Ctrl-C to the conductor, ends everything when one process fails. Called on the main thread,
// which constructed `signals` before any other thread existed. Steps count from 1; `last_step` is
// where the run ends.
Result<LaunchResult> launch(const config::Config& config, RunDir& dir, const std::string& programs,
                            std::uint64_t first_step, std::uint64_t last_step,
                            supervision::StopSignals& signals, Console& console);

}  // namespace desa2va::launcher
