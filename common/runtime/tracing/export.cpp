#include "common/runtime/tracing/export.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

// Names in rings are ours, but the file may have been damaged since.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    out += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return out + "\"";
}

class EventFile {
 public:
  explicit EventFile(std::FILE* file) : file_(file) { std::fputs("{\"traceEvents\":[\n", file); }
  template <class... Args>
  void event(fmt::format_string<Args...> format, Args&&... args) {
    if (!first_) std::fputs(",\n", file_);
    first_ = false;
    fmt::print(file_, "{{");
    fmt::print(file_, format, std::forward<Args>(args)...);
    fmt::print(file_, "}}");
  }
  void end() { std::fputs("\n],\"displayTimeUnit\":\"ms\"}\n", file_); }

 private:
  std::FILE* file_;
  bool first_ = true;
};

// Where one span of a trace id lies, to draw the arrow from it.
struct Stop {
  std::int64_t begin_ns;
  std::size_t process;
  std::uint32_t thread;
};

double microseconds(std::int64_t ns) {
  return static_cast<double>(ns) * 1e-3;
}

class Exporter {
 public:
  Exporter(std::FILE* file, std::int64_t origin_ns) : out_(file), origin_ns_(origin_ns) {}

  void write(const RingReader& ring, std::size_t process) {
    out_.event(R"("ph":"M","name":"process_name","pid":{},"args":{{"name":{}}})", process,
               json_text(fmt::format("{} (pid {})", to_string(ring.rank()), ring.pid())));
    out_.event(R"("ph":"M","name":"process_sort_index","pid":{},"args":{{"sort_index":{}}})",
               process, process);
    std::set<std::uint32_t> threads;
    for (const SpanRecord& span : ring.spans()) {
      if (threads.insert(span.thread).second) name_thread(process, span.thread, threads.size());
      out_.event(
          R"("ph":"X","name":{},"cat":{},"pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"args":{{{}}})",
          json_text(ring.span_name(span.name_id)), json_text(name(span.category)), process,
          span.thread, microseconds(span.begin_ns - origin_ns_),
          microseconds(span.end_ns - span.begin_ns), arguments(span));
      ++counts_.spans;
      if (span.trace_id != 0)
        traces_[span.trace_id].push_back({span.begin_ns, process, span.thread});
    }
    for (const CounterRecord& counter : ring.counters()) {
      if (!std::isfinite(counter.value)) continue;
      out_.event(R"("ph":"C","name":{},"pid":{},"ts":{:.3f},"args":{{"value":{}}})",
                 json_text(ring.counter_name(counter.name_id)), process,
                 microseconds(counter.at_ns - origin_ns_), counter.value);
      ++counts_.counters;
    }
  }

  ExportCounts finish() {
    for (auto& [id, stops] : traces_) draw_arrows(id, stops);
    out_.end();
    return counts_;
  }

 private:
  void name_thread(std::size_t process, std::uint32_t thread, std::size_t number) {
    const std::string text = number == 1 ? "service" : fmt::format("thread {}", thread);
    out_.event(R"("ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}})", process,
               thread, json_text(text));
  }
  static std::string arguments(const SpanRecord& span) {
    std::string text;
    if (span.microbatch != kNoMicrobatch) text = fmt::format(R"("microbatch":{})", span.microbatch);
    if (span.trace_id != 0)
      text += fmt::format(R"({}"trace":"{:x}")", text.empty() ? "" : ",", span.trace_id);
    return text;
  }
  // From rank to rank; spans that follow each other within one need no arrow.
  void draw_arrows(std::uint64_t id, std::vector<Stop>& stops) {
    std::stable_sort(stops.begin(), stops.end(),
                     [](const Stop& a, const Stop& b) { return a.begin_ns < b.begin_ns; });
    const auto same = [](const Stop& a, const Stop& b) { return a.process == b.process; };
    stops.erase(std::unique(stops.begin(), stops.end(), same), stops.end());
    if (stops.size() < 2) return;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const char* phase = i == 0 ? "s" : i + 1 == stops.size() ? "f" : "t";
      out_.event(
          R"("ph":"{}","bp":"e","name":"microbatch","cat":"flow","id":"{:x}","pid":{},"tid":{},"ts":{:.3f})",
          phase, id, stops[i].process, stops[i].thread,
          microseconds(stops[i].begin_ns - origin_ns_));
    }
    counts_.arrows += stops.size() - 1;
  }

  EventFile out_;
  const std::int64_t origin_ns_;
  ExportCounts counts_;
  std::map<std::uint64_t, std::vector<Stop>> traces_;
};

}  // namespace

Result<ExportCounts> export_chrome(const std::vector<RingReader>& rings, const std::string& path) {
  std::int64_t origin_ns = INT64_MAX;
  for (const RingReader& ring : rings) origin_ns = std::min(origin_ns, ring.opened_ns());
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "w"), close);
  if (!file)
    return fail(Errc::Unavailable, "write {}: {}", path, std::strerror(errno))
        .with_exit(ExitCode::Usage);
  Exporter exporter(file.get(), origin_ns);
  // A number of our own for each: in the monolith all rings have one process id.
  for (std::size_t i = 0; i < rings.size(); ++i) exporter.write(rings[i], i + 1);
  const ExportCounts counts = exporter.finish();
  if (std::fflush(file.get()) != 0 || std::ferror(file.get()) != 0)
    return fail(Errc::Overloaded, "write {}: {}", path, std::strerror(errno));
  return counts;
}

}  // namespace desa2va::tracing
