#pragma once

#include <string>
#include <vector>

#include "common/runtime/tracing/ring.h"

namespace desa2va::tracing {

struct ExportCounts {
  std::size_t spans = 0;
  std::size_t counters = 0;
  std::size_t arrows = 0;
};

// Writes the rings as one file in Chrome's JSON trace format, which ui.perfetto.dev opens: a
// process per rank, its threads, spans with microbatch and trace id, counters, and an arrow along
// each trace id from rank to rank. Times are microseconds since the earliest record.
Result<ExportCounts> export_chrome(const std::vector<RingReader>& rings, const std::string& path);

}  // namespace desa2va::tracing
