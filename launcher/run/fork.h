#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

// A second run that begins where another was.
namespace desa2va::launcher {

struct ForkRequest {
  std::string from;                    // run directory, or RUN@STEP; default: its last checkpoint
  std::string to;                      // absolute; made here, or a run directory without checkpoint
  std::vector<std::string> overrides;  // keys in which the new run differs
};
struct Forked {
  std::uint64_t step = 0;
  std::uint64_t copied_bytes = 0;  // 0 where the file system can link
};

// Makes `to` a run directory with that one checkpoint, under the configuration of `from` with
// `overrides`, and the lines of metrics.jsonl up to it; `desa2va run TO/config.yaml` goes on from
// there. Parts are linked where the file system allows (they never change), else copied. The
// checkpoint's step must stand at the same place under both configurations, and the model must have
// the same tensors: exit code 2 names what differs. `from` is only read, also while it runs.
Result<Forked> fork_run(const ForkRequest& request);

}  // namespace desa2va::launcher
