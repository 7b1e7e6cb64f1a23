#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "services/coordinator/metrics.h"

namespace desa2va::coordinator {

// metrics.jsonl and events.jsonl of a run. Belongs to the coordinator's thread.
class RunLog {
 public:
  // Cuts metrics.jsonl after the line of `step`: what a killed run wrote past its last checkpoint
  // is computed again. Overloaded: disk full.
  static Result<RunLog> open(const std::string& run_dir, std::uint64_t step, const Clock& clock);
  RunLog(RunLog&& other) noexcept;
  RunLog& operator=(RunLog&&) = delete;
  ~RunLog();

  // `time_members`: more of the object "time", "" or "\"data\":{}".
  Result<void> metrics(const StepMetrics& metrics, const std::string& time_members = {});
  // `members`: "" or "\"step\":3".
  Result<void> event(const std::string& kind, const std::string& members);
  // Every line so far is on disk.
  Result<void> sync();

 private:
  RunLog(int metrics_fd, int events_fd, const Clock& clock);

  int metrics_fd_;
  int events_fd_;
  const Clock& clock_;
  std::int64_t last_ns_;
};

}  // namespace desa2va::coordinator
