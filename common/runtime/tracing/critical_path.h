#pragma once

#include <vector>

#include "common/runtime/tracing/timeline.h"

namespace desa2va::tracing {

// How much of a window the longest chain of work spends in each rank.
struct CriticalPath {
  std::vector<double> seconds;  // by timeline
  double between = 0;           // in none: messages on their way, threads without a processor
  double total() const;
};

// Walks back from the end of the window. While the rank we are in worked, the path is in it. Where
// it waited, the path goes on with whoever ended the wait: the neighbour whose last span of the
// same microbatch ended before, or, where the work that follows belongs to no microbatch, whoever's
// work ended last before. An estimate from spans alone: who sent which message is
// inferred, not recorded.
CriticalPath find_critical_path(const std::vector<Timeline>& timelines, const Window& window);

}  // namespace desa2va::tracing
