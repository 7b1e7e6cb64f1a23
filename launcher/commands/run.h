#pragma once

#include "common/base/result.h"
#include "common/config/load.h"

namespace desa2va::launcher {

// What `run` and `demo` do with a configuration: claim the directory, prepare the data, launch,
// wait, report. The exit code is that of the run. Called on the main thread before any other
// exists.
Result<ExitCode> run_training(config::Loaded loaded, bool json);

}  // namespace desa2va::launcher
