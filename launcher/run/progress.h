#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/runtime/tracing/ring.h"
#include "launcher/run/tails.h"

// What a run is doing, of its metrics and its rings, in one line.
namespace desa2va::launcher {

// Speed over the last `window_ns` of committed steps.
class Speed {
 public:
  explicit Speed(std::int64_t window_ns = 20'000'000'000) : window_ns_(window_ns) {}
  void add(const StepLine& line, std::int64_t now_ns);
  std::optional<double> samples_per_second() const;
  // Seconds for `steps` more; needs two steps.
  std::optional<double> seconds_for(std::uint64_t steps) const;

 private:
  struct Point {
    std::int64_t at_ns;
    std::uint64_t step, samples;  // samples: in all
  };
  std::int64_t window_ns_;
  std::deque<Point> points_;
};

// Share of time that each role computed since the last call, 0..1, averaged over its ranks. Empty
// until the rings exist and time has passed.
class BusyShares {
 public:
  explicit BusyShares(std::string run_dir) : run_dir_(std::move(run_dir)) {}
  std::map<Role, double> poll(std::int64_t now_ns);
  // The same since the first call: what the report is made of.
  std::map<Role, double> since_start(std::int64_t now_ns);

 private:
  struct Seen {
    std::uint64_t busy_ns = 0;
    std::int64_t at_ns = 0;
  };
  struct Watched {
    tracing::RingReader ring;
    Seen first, last;
  };
  void open_new(std::int64_t now_ns);
  static std::uint64_t busy_of(const tracing::Gauges& gauges);

  std::string run_dir_;
  std::map<Rank, Watched> watched_;
};

// Everything that the line shows; absent values are left out of it.
struct Progress {
  std::string state;  // "starting", or empty while steps are counted
  std::optional<StepLine> last;
  std::uint64_t total_steps = 0;  // 0: not known
  std::optional<double> samples_per_second;
  std::optional<double> seconds_left;
  std::map<Role, double> busy;
};
// "C  step 412/1000  loss 1.234  15.2 samples/s  3m12s left  busy data 12% mllm 80% ..."
std::string format_line(const Progress& progress);
// "42s", "3m12s", "5h07m".
std::string format_seconds(double seconds);

}  // namespace desa2va::launcher
