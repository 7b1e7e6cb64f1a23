#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/runtime/tracing/categories.h"

namespace desa2va::tracing {

class RingWriter;
class Tracer;

// A span being measured: from its construction to its end, on one thread; nests.
class Scope {
 public:
  Scope(Tracer& tracer, Span span, std::uint64_t microbatch, std::uint64_t trace_id);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Tracer* tracer_;  // null while tracing is off
  Scope* parent_ = nullptr;
  std::int64_t begin_ns_ = 0;
  std::int64_t nested_ns_ = 0;
  std::uint64_t microbatch_ = 0;
  std::uint64_t trace_id_ = 0;
  Span span_;
};

inline constexpr std::uint64_t kNoMicrobatch = ~std::uint64_t{0};

// Where one process (in the monolith: one service) writes what it does: a ring of spans and
// counters and a page of gauges, in a file mapped into memory. What was written survives kill -9,
// and other processes read it live (ring.h). Writing allocates nothing, takes no lock and makes no
// system call except for the time. All functions may be called from any thread.
class Tracer {
 public:
  // Off: every call does nothing.
  Tracer();
  // Creates `path` (run_dir/trace/<role>-<rank>.ring) anew, its parent directory too. `ring_bytes`
  // is the size of the file (trace.ring_bytes); a record takes 64 bytes.
  static Result<Tracer> open(const std::string& path, Rank rank, const Clock& clock,
                             std::size_t ring_bytes = std::size_t{4} << 20U);
  Tracer(Tracer&&) noexcept;
  Tracer& operator=(Tracer&&) noexcept;
  ~Tracer();

  bool enabled() const { return ring_ != nullptr; }

  // auto span = tracer.span(Span::MllmForward, microbatch, message.envelope.trace_id);
  [[nodiscard]] Scope span(Span span, std::uint64_t microbatch = kNoMicrobatch,
                           std::uint64_t trace_id = 0) {
    return Scope(*this, span, microbatch, trace_id);
  }
  // A span measured elsewhere.
  void record(Span span, std::int64_t begin_ns, std::int64_t end_ns,
              std::uint64_t microbatch = kNoMicrobatch, std::uint64_t trace_id = 0);
  void counter(Counter counter, double value, std::uint64_t microbatch = kNoMicrobatch);

  // Gauges, read live: where this process is, and a number that grows with every piece of work.
  void set_step(std::uint64_t step, Phase phase);
  void progress();

 private:
  friend class Scope;
  Tracer(std::unique_ptr<RingWriter> ring, const Clock& clock);
  std::unique_ptr<RingWriter> ring_;
  const Clock* clock_ = nullptr;
};

}  // namespace desa2va::tracing
