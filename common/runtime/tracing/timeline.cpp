#include "common/runtime/tracing/timeline.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/locked.h"
#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

// A name that outlives the ring it was read from. Only a ring written by another version has names
// that are not in our table.
std::string_view lasting_name(const std::string& name) {
  for (const SpanInfo& known : kSpans)
    if (known.name == name) return known.name;
  static Locked<std::set<std::string>> others;
  return others.with(
      [&](std::set<std::string>& set) { return std::string_view(*set.insert(name).first); });
}

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

// Adds to `time` what each span of one thread has for itself.
void add_exclusive(std::vector<const TimedSpan*> spans, const Window& window, ThreadTime& time) {
  std::sort(spans.begin(), spans.end(), [](const TimedSpan* a, const TimedSpan* b) {
    return a->begin_ns != b->begin_ns ? a->begin_ns < b->begin_ns : a->end_ns > b->end_ns;
  });
  std::map<std::string_view, double> by_name;
  const auto book = [&](const TimedSpan& span, std::int64_t from, std::int64_t to) {
    from = std::max(from, window.begin_ns);
    to = std::min(to, window.end_ns);
    if (to <= from) return;
    time.seconds[static_cast<std::size_t>(span.category)] += seconds(to - from);
    (span.waits() ? time.waiting : time.working) += seconds(to - from);
    if (!span.waits()) by_name[span.name] += seconds(to - from);
  };
  std::vector<const TimedSpan*> open;
  std::int64_t now = 0;
  const auto close_until = [&](std::int64_t limit) {
    while (!open.empty() && open.back()->end_ns <= limit) {
      book(*open.back(), now, open.back()->end_ns);
      now = std::max(now, open.back()->end_ns);
      open.pop_back();
    }
  };
  for (const TimedSpan* span : spans) {
    close_until(span->begin_ns);
    if (!open.empty()) book(*open.back(), now, span->begin_ns);
    now = span->begin_ns;
    open.push_back(span);
  }
  close_until(INT64_MAX);
  time.by_name.assign(by_name.begin(), by_name.end());
  std::sort(time.by_name.begin(), time.by_name.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
}

}  // namespace

bool TimedSpan::waits() const {
  return category == Category::WaitInput || category == Category::WaitCredit ||
         name == info(Span::WaitCommit).name;
}

Timeline timeline_of(const RingReader& ring) {
  Timeline timeline{ring.rank(), ring.pid(), {}};
  std::map<std::uint16_t, std::string_view> names;
  for (const SpanRecord& record : ring.spans()) {
    const auto [name, is_new] = names.try_emplace(record.name_id);
    if (is_new) name->second = lasting_name(ring.span_name(record.name_id));
    timeline.spans.push_back({name->second, record.category, record.thread, record.begin_ns,
                              record.end_ns, record.microbatch});
  }
  std::stable_sort(timeline.spans.begin(), timeline.spans.end(),
                   [](const TimedSpan& a, const TimedSpan& b) { return a.end_ns < b.end_ns; });
  return timeline;
}

Window common_window(const std::vector<Timeline>& timelines, double last_seconds) {
  Window window{INT64_MIN, INT64_MAX};
  for (const Timeline& timeline : timelines) {
    if (timeline.spans.empty()) return {};
    std::int64_t first = INT64_MAX;
    for (const TimedSpan& span : timeline.spans) first = std::min(first, span.begin_ns);
    window.begin_ns = std::max(window.begin_ns, first);
    window.end_ns = std::min(window.end_ns, timeline.spans.back().end_ns);
  }
  if (timelines.empty() || window.end_ns <= window.begin_ns) return {};
  if (last_seconds > 0) {
    window.begin_ns =
        std::max(window.begin_ns, window.end_ns - static_cast<std::int64_t>(last_seconds * 1e9));
  }
  return window;
}

std::vector<ThreadTime> split_time(const Timeline& timeline, const Window& window) {
  std::map<std::uint32_t, std::vector<const TimedSpan*>> by_thread;
  for (const TimedSpan& span : timeline.spans) {
    if (span.end_ns > window.begin_ns && span.begin_ns < window.end_ns)
      by_thread[span.thread].push_back(&span);
  }
  std::vector<ThreadTime> threads;
  for (const auto& [thread, spans] : by_thread) {
    ThreadTime time;
    time.thread = thread;
    add_exclusive(spans, window, time);
    threads.push_back(std::move(time));
  }
  std::stable_sort(threads.begin(), threads.end(),
                   [](const ThreadTime& a, const ThreadTime& b) { return a.waiting > b.waiting; });
  return threads;
}

std::vector<Window> working_stretches(const Timeline& timeline, std::int64_t join_ns) {
  std::vector<Window> stretches;
  for (const TimedSpan& span : timeline.spans)
    if (!span.waits()) stretches.push_back({span.begin_ns, span.end_ns});
  std::sort(stretches.begin(), stretches.end(),
            [](const Window& a, const Window& b) { return a.begin_ns < b.begin_ns; });
  std::vector<Window> joined;
  for (const Window& stretch : stretches) {
    if (!joined.empty() && stretch.begin_ns - joined.back().end_ns <= join_ns) {
      joined.back().end_ns = std::max(joined.back().end_ns, stretch.end_ns);
    } else {
      joined.push_back(stretch);
    }
  }
  return joined;
}

}  // namespace desa2va::tracing
