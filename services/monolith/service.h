#pragma once

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/runtime/transport/loopback/loopback.h"
#include "services/coordinator/service.h"

namespace desa2va::monolith {

// The five services of a run in one process, pumped on one thread in the order of flow over the
// loopback transport: the same stages, the same messages, the same bits, and the simplest thing to
// debug.
class Service {
 public:
  // Builds every rank of the configuration, each with an inbox and a trace of its own.
  static Result<std::unique_ptr<Service>> open(const config::Config& config,
                                               const std::string& run_dir, const Clock& clock);
  ~Service();

  // One pump of each service. Cancelled never; a failure names the rank.
  Result<bool> pump();
  bool finished() const;
  // Finish the open step, save, leave with 130.
  void on_stop();
  const coordinator::Finish& outcome() const;

  // Something happened beside the thread (a checkpoint was written): wakes this inbox.
  transport::Inbox& inbox();

  class Member;  // one rank: its inbox, trace, courier, stage and service

 private:
  Service();
  std::vector<std::unique_ptr<Member>> members_;  // in the order of flow, the coordinator last
  transport::LoopbackNetwork network_;
};

}  // namespace desa2va::monolith
