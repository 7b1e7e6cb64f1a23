#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/runtime/tracing/ring.h"

// What the analyses read: rings as plain values.
namespace desa2va::tracing {

struct TimedSpan {
  std::string_view name;  // of a table that lives as long as the program
  Category category = Category::Compute;
  std::uint32_t thread = 0;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  std::uint64_t microbatch = 0;  // kNoMicrobatch outside

  // Waiting for something to arrive, for credit, or for the coordinator's word.
  bool waits() const;
};

struct Timeline {
  Rank rank;
  std::int64_t pid = 0;
  std::vector<TimedSpan> spans;  // by end
};

Timeline timeline_of(const RingReader& ring);

struct Window {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  double seconds() const { return static_cast<double>(end_ns - begin_ns) * 1e-9; }
};
// Where all timelines have records: from the latest first begin to the earliest last end, and of
// that only the last `last_seconds` if it is positive. Empty (end <= begin) if there is none.
Window common_window(const std::vector<Timeline>& timelines, double last_seconds = 0);

// How one thread's time in a window splits; time inside a nested span counts for that one alone.
struct ThreadTime {
  std::uint32_t thread = 0;
  std::array<double, kCategoryCount> seconds{};              // by category
  double waiting = 0;                                        // seconds in spans that wait
  double working = 0;                                        // seconds in the others
  std::vector<std::pair<std::string_view, double>> by_name;  // working spans, largest first
};
// The thread that waits most comes first: the one that runs the service.
std::vector<ThreadTime> split_time(const Timeline& timeline, const Window& window);

// Stretches in which some thread of the rank worked, in order, apart from each other by more than
// `join_ns`.
std::vector<Window> working_stretches(const Timeline& timeline, std::int64_t join_ns);

}  // namespace desa2va::tracing
