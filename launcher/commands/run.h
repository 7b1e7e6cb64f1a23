#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/load.h"

namespace desa2va::launcher {

struct TrainingOutput {
  bool report = true;  // at the end
  bool json = false;   // as one document on standard output, else as tables on standard error
};

// Starts this program anew, same process, with --run-dir=PATH/ of each in its command line, so that
// the launcher too is found by them. Returns where they are there already.
Result<void> show_in_command_line(const std::vector<std::string>& run_dirs);

// What `run` and `demo` do with a configuration: claim the directory, prepare the data, launch,
// wait, report. The exit code is that of the run. Called on the main thread before any other
// exists; a program that trains in several directories does so one after another.
Result<ExitCode> run_training(config::Loaded loaded, TrainingOutput output);

}  // namespace desa2va::launcher
