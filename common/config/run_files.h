#pragma once

#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"

// Names inside a run directory (docs/operations.md). `run_dir` may end with a slash or not.
namespace desa2va::config {

std::string run_file(const std::string& run_dir, const std::string& name);

inline std::string config_file(const std::string& run_dir) {
  return run_file(run_dir, "config.yaml");
}
inline std::string metrics_file(const std::string& run_dir) {
  return run_file(run_dir, "metrics.jsonl");
}
inline std::string events_file(const std::string& run_dir) {
  return run_file(run_dir, "events.jsonl");
}
inline std::string report_file(const std::string& run_dir) {
  return run_file(run_dir, "report.json");
}
inline std::string checkpoint_dir(const std::string& run_dir) {
  return run_file(run_dir, "checkpoints");
}
inline std::string log_file(const std::string& run_dir, Rank rank) {
  return run_file(run_dir, "logs/" + to_string(rank) + ".log");
}

// The directory of this launch's ipc sockets, which the launcher made under $XDG_RUNTIME_DIR or
// /tmp (an ipc path ends at 107 bytes) and named in the file `sockets`. NotFound when nothing runs.
Result<std::string> socket_dir(const std::string& run_dir);

}  // namespace desa2va::config
