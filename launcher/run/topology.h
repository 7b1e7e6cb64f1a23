#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/runtime/supervision/supervisor.h"

// From a configuration to the processes of a run.
namespace desa2va::launcher {

// One process a rank in the order of flow, the coordinator first (it only waits for the others); or
// the monolith alone. Programs lie in `programs`.
std::vector<supervision::ProcessSpec> processes_of(const config::Config& config,
                                                   const std::string& run_dir,
                                                   const std::string& programs);

// Who takes the first Ctrl-C: "coordinator-0" or "monolith".
std::string conductor(const config::Config& config);

// The directory of this program.
std::string program_folder();

// Exit code 2 naming the first program that is missing or not executable, and what builds it.
Result<void> check_programs(const std::vector<supervision::ProcessSpec>& processes);

}  // namespace desa2va::launcher
