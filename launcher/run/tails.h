#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

// The files that a run appends lines to, followed while it lives. The launcher speaks to no
// service: a slow terminal cannot hold up a step.
namespace desa2va::launcher {

// Complete lines added to a file since the last look, at most the last 256 KiB of them. A file that
// was cut is read again; one that is not there yet has no lines.
class LineTail {
 public:
  // `from`: bytes that are history.
  explicit LineTail(std::string path, std::int64_t from = 0)
      : path_(std::move(path)), read_(from) {}
  std::vector<std::string> poll();

 private:
  std::string path_;
  std::int64_t read_;  // bytes, up to the end of a line
};

// One committed step, of metrics.jsonl.
struct StepLine {
  std::uint64_t step = 0;
  char phase = '?';
  std::optional<double> loss;  // total; absent when it was not finite
  std::uint64_t samples = 0;   // of this step
  bool skipped = false;
};
// NotFound for a line without a step.
Result<StepLine> parse_step_line(std::string_view line);

// metrics.jsonl.
class MetricsTail {
 public:
  // Steps up to `after` are history.
  MetricsTail(std::string path, std::uint64_t after) : lines_(std::move(path)), last_(after) {}
  // Steps after the last one returned, in order.
  std::vector<StepLine> poll();

 private:
  LineTail lines_;
  std::uint64_t last_;
};

// What a person should hear of while the run goes on: samples replaced, steps skipped, checkpoints
// that could not be written. Of events.jsonl, from the moment this is made.
class WarningTail {
 public:
  explicit WarningTail(const std::string& path);
  // One sentence an event; repeated kinds after the first few are only counted, in one line.
  std::vector<std::string> poll();

 private:
  LineTail lines_;
  std::uint64_t substitutes_ = 0;
  std::uint64_t skips_ = 0;
};

}  // namespace desa2va::launcher
