#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/ids.h"
#include "common/messages/control.h"

// From the losses of microbatches to one line of metrics.jsonl.
namespace desa2va::coordinator {

struct StepMetrics {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  double learning_rate = 0;
  double grad_norm = 0;                  // before clipping
  std::map<std::string, double> loss;    // docs/operations.md; mean over the step's microbatches
  std::map<std::string, double> method;  // what the method's own networks measured
  std::uint64_t samples = 0;
  bool skipped = false;
};

// The line without its end: everything but "time" is a function of configuration and seed, printed
// with 17 significant digits; non-finite numbers are null. `time_json`: an object.
std::string to_json(const StepMetrics& metrics, const std::string& time_json);

// Losses of one step. They arrive in any order and are added in that of the microbatches, within
// one in that of the roles, so the sums have the same bits however the messages raced.
class StepSum {
 public:
  void clear() { parts_.clear(); }
  void add(std::uint64_t microbatch, Rank rank, const messages::Losses& losses);
  // Losses are divided by M; what only some microbatches measure is their mean.
  void finish(std::int64_t microbatches, StepMetrics& into) const;

 private:
  std::map<std::pair<std::uint64_t, Rank>, messages::Losses> parts_;
};

// What data said of itself since the last line, for "time" of the next: sums over its ranks, and
// the latest of what is a level and not a sum (ready, ahead, ready_bytes).
class DataFigures {
 public:
  void add(Rank rank, const messages::Figures& figures);
  // "\"data\":{...}", or "" where nothing was said; starts anew.
  std::string take();

 private:
  std::map<std::string, double> sums_;
  std::map<std::string, std::map<Rank, double>> levels_;
};

}  // namespace desa2va::coordinator
