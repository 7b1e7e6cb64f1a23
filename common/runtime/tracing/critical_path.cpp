#include "common/runtime/tracing/critical_path.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

// Shorter pauses between two spans are the service's own housekeeping.
constexpr std::int64_t kJoinNs = 200'000;

// Whether messages go directly between two roles.
bool are_neighbours(Role a, Role b) {
  if (a == Role::Coordinator || b == Role::Coordinator) return a != b;
  const auto is = [&](Role x, Role y) { return (a == x && b == y) || (a == y && b == x); };
  return is(Role::Data, Role::Mllm) || is(Role::Data, Role::Sam2) ||
         is(Role::Mllm, Role::Decoupler) || is(Role::Decoupler, Role::Sam2);
}

// One timeline, ready for the questions of the walk.
class Track {
 public:
  explicit Track(const Timeline& timeline)
      : rank_(timeline.rank), stretches_(working_stretches(timeline, kJoinNs)) {
    for (const TimedSpan& span : timeline.spans) {
      if (span.waits()) continue;
      ends_.push_back(span.end_ns);
      if (span.microbatch != kNoMicrobatch)
        ends_by_microbatch_[span.microbatch].push_back(span.end_ns);
      begins_.emplace_back(span.begin_ns, span.microbatch);
    }
    std::sort(begins_.begin(), begins_.end());
  }

  Rank rank() const { return rank_; }

  // The last stretch of work that began before `at`.
  std::optional<Window> stretch_before(std::int64_t at) const {
    const auto next = std::lower_bound(
        stretches_.begin(), stretches_.end(), at,
        [](const Window& stretch, std::int64_t t) { return stretch.begin_ns < t; });
    if (next == stretches_.begin()) return std::nullopt;
    return *std::prev(next);
  }
  // The latest end of its work at or before `at`, of one microbatch or (kNoMicrobatch) of any.
  std::optional<std::int64_t> last_end(std::int64_t at, std::uint64_t microbatch) const {
    const std::vector<std::int64_t>* ends = &ends_;
    if (microbatch != kNoMicrobatch) {
      const auto found = ends_by_microbatch_.find(microbatch);
      if (found == ends_by_microbatch_.end()) return std::nullopt;
      ends = &found->second;
    }
    const auto next = std::upper_bound(ends->begin(), ends->end(), at);
    if (next == ends->begin()) return std::nullopt;
    return *std::prev(next);
  }
  // Of the first work that begins at or after `at`.
  std::uint64_t microbatch_at(std::int64_t at) const {
    const auto first =
        std::lower_bound(begins_.begin(), begins_.end(), std::make_pair(at, std::uint64_t{0}));
    return first == begins_.end() ? kNoMicrobatch : first->second;
  }

 private:
  Rank rank_;
  std::vector<Window> stretches_;
  std::vector<std::int64_t> ends_;
  std::map<std::uint64_t, std::vector<std::int64_t>> ends_by_microbatch_;
  std::vector<std::pair<std::int64_t, std::uint64_t>> begins_;
};

struct Place {
  std::size_t track;
  std::int64_t at_ns;
};

// Who ended the wait of `track` that lasted from `idle_since` until `at`.
std::optional<Place> who_ended_wait(const std::vector<Track>& tracks, std::size_t track,
                                    std::int64_t idle_since, std::int64_t at) {
  const std::uint64_t microbatch = tracks[track].microbatch_at(at);
  for (const std::uint64_t wanted : {microbatch, kNoMicrobatch}) {
    std::optional<Place> best;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      // Work of no microbatch (commit, optimizer) waits for everyone, through the coordinator.
      if (i == track) continue;
      if (wanted != kNoMicrobatch &&
          !are_neighbours(tracks[i].rank().role, tracks[track].rank().role)) {
        continue;
      }
      const auto end = tracks[i].last_end(at, wanted);
      if (end && *end > idle_since && (!best || *end > best->at_ns)) best = Place{i, *end};
    }
    if (best) return best;
  }
  return std::nullopt;
}

}  // namespace

double CriticalPath::total() const {
  return std::accumulate(seconds.begin(), seconds.end(), between);
}

CriticalPath find_critical_path(const std::vector<Timeline>& timelines, const Window& window) {
  std::vector<Track> tracks(timelines.begin(), timelines.end());
  CriticalPath path;
  path.seconds.assign(tracks.size(), 0);
  const auto clipped = [&](std::int64_t from, std::int64_t to) {
    return static_cast<double>(to - std::max(from, window.begin_ns)) * 1e-9;
  };
  Place place{0, INT64_MIN};
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    const auto end = tracks[i].last_end(window.end_ns, kNoMicrobatch);
    if (end && *end > place.at_ns) place = {i, *end};
  }
  if (place.at_ns <= window.begin_ns) return path;
  path.between += clipped(place.at_ns, window.end_ns);
  while (place.at_ns > window.begin_ns) {
    const auto stretch = tracks[place.track].stretch_before(place.at_ns);
    if (!stretch || stretch->end_ns <= window.begin_ns) {
      const auto blamed = who_ended_wait(tracks, place.track, window.begin_ns, place.at_ns);
      const std::int64_t to =
          blamed && blamed->at_ns < place.at_ns ? blamed->at_ns : window.begin_ns;
      path.between += clipped(to, place.at_ns);
      place = {blamed ? blamed->track : place.track, to};
      continue;
    }
    if (stretch->end_ns >= place.at_ns) {
      path.seconds[place.track] += clipped(stretch->begin_ns, place.at_ns);
      place.at_ns = stretch->begin_ns;
      if (place.at_ns <= window.begin_ns) break;
    }
    // Now it waits, since the end of the stretch before.
    const auto before = tracks[place.track].stretch_before(place.at_ns);
    const std::int64_t idle_since = before ? before->end_ns : window.begin_ns;
    const auto blamed = who_ended_wait(tracks, place.track, idle_since, place.at_ns);
    const Place next = blamed ? *blamed : Place{place.track, idle_since};
    path.between += next.at_ns < place.at_ns ? clipped(next.at_ns, place.at_ns) : 0.0;
    // Two ranks whose spans touch in the same nanosecond must not hand the path back and forth.
    place = {next.track, std::min(next.at_ns, place.at_ns - 1)};
  }
  return path;
}

}  // namespace desa2va::tracing
