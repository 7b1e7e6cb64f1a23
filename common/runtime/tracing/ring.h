#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/runtime/tracing/categories.h"

// Reading ring files, of processes that live and of processes that were killed.
namespace desa2va::tracing {

struct SpanRecord {
  std::uint64_t sequence = 0;  // 1, 2, ... per ring, in the order spans ended
  std::uint16_t name_id = 0;
  Category category = Category::Compute;
  std::uint32_t thread = 0;   // kernel thread id
  std::int64_t begin_ns = 0;  // CLOCK_MONOTONIC of the writer's host
  std::int64_t end_ns = 0;
  std::uint64_t microbatch = 0;  // kNoMicrobatch outside
  std::uint64_t trace_id = 0;
};

struct CounterRecord {
  std::uint64_t sequence = 0;
  std::uint16_t name_id = 0;
  std::int64_t at_ns = 0;
  double value = 0;
  std::uint64_t microbatch = 0;
};

struct Gauges {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  std::uint64_t progress = 0;
  // Nanoseconds by Category since the start; time inside a nested span counts for that one alone.
  std::array<std::uint64_t, kCategoryCount> busy_ns{};
  std::int64_t last_ns = 0;  // when anything was written last
};

// A ring file, mapped read-only. Reading does not disturb the writer; records overwritten while
// being read are left out. Belongs to one thread.
class RingReader {
 public:
  // NotFound if there is no file, Corrupt if it is not a ring file of a version we know.
  static Result<RingReader> open(const std::string& path);
  RingReader(RingReader&&) noexcept;
  RingReader& operator=(RingReader&&) noexcept;
  ~RingReader();

  Rank rank() const;
  std::int64_t pid() const;
  std::int64_t opened_ns() const;      // CLOCK_MONOTONIC when the writer began
  double opened_wall_seconds() const;  // the same moment, seconds since 1970
  Gauges gauges() const;

  // What the ring still holds, oldest first; at most the last `limit`.
  std::vector<SpanRecord> spans(std::size_t limit = SIZE_MAX) const;
  std::vector<CounterRecord> counters() const;
  // How many records were written in all: more than the ring holds means the oldest are gone.
  std::uint64_t written() const;
  std::size_t capacity() const;

  std::string span_name(std::uint16_t id) const;
  std::string counter_name(std::uint16_t id) const;

 private:
  struct Mapping;
  explicit RingReader(std::unique_ptr<Mapping> mapping);
  std::unique_ptr<Mapping> mapping_;
};

// run_dir/trace/<role>-<rank>.ring
std::string ring_path(const std::string& run_dir, Rank rank);

// Every ring file of a run, in the order of flow.
Result<std::vector<RingReader>> open_rings(const std::string& run_dir);

}  // namespace desa2va::tracing
