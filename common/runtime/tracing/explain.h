#pragma once

#include <array>
#include <string>
#include <vector>

#include "common/runtime/tracing/timeline.h"

namespace desa2va::tracing {

using NamedShares = std::vector<std::pair<std::string, double>>;

// How one rank spent the window; all shares are of the window, for the thread that runs the
// service.
struct RankShare {
  Rank rank;
  std::array<double, kCategoryCount> category{};
  double commit_wait = 0;      // of category Commit: waiting for other replicas or the coordinator
  double unaccounted = 0;      // between spans
  double busy = 0;             // not waiting, of the busiest thread
  double critical = 0;         // share of the critical path
  NamedShares largest;         // working spans, largest first, at most 4
  std::size_t workers = 0;     // further threads with spans (those that decode, of data)
  NamedShares worker_largest;  // the same of them, mean over the threads
};

struct Explanation {
  bool enough = false;           // there is evidence for a verdict
  std::vector<Role> bottleneck;  // one role; two if they are equal within a tenth; else none
  std::string verdict;           // a sentence or two
  double window_seconds = 0;
  std::uint64_t steps = 0;       // optimizer steps seen in the window
  double step_seconds = 0;       // 0 if fewer than two steps were seen
  std::vector<RankShare> ranks;  // in the order of flow
  double between = 0;            // share of the critical path in no rank
};

// Which role bounds the step, and how each rank's time splits. A function of the timelines: the
// same trace gives the same words. Refuses ("not enough evidence: ...") where roles are missing,
// there are too few spans or steps, or the spans cover too little of the time.
Explanation explain(const std::vector<Timeline>& timelines, double last_seconds = 0);

// The rings of a run directory, explained.
Result<Explanation> explain_run(const std::string& run_dir, double last_seconds = 0);

}  // namespace desa2va::tracing
