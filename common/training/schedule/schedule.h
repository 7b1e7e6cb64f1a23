#pragma once

#include <cstdint>

#include "common/base/ids.h"
#include "common/base/result.h"

// Which phase an optimizer update belongs to and what its learning rate is (model.md 5.12 and 7).
// Pure arithmetic on the configuration; no LibTorch, since the coordinator uses it.
namespace desa2va::training {

// Updates of each phase; they follow one another, counted from 1.
struct PhaseLengths {
  std::int64_t a = 0, b = 0, c = 0;
  std::int64_t total() const { return a + b + c; }
};

// n_A = max(1, round(frac_a * steps)) if the preset has phase A, n_B = max(1, round(frac_b * (steps
// - n_A))) if it has B, the rest is C; halves round up. A preset without B has one joint phase, C.
// InvalidArgument if nothing is left for C.
Result<PhaseLengths> phase_lengths(std::int64_t steps, double frac_a, double frac_b, bool has_a,
                                   bool has_b);

struct ScheduleConfig {
  double lr = 4e-5;
  double warmup_ratio = 0.05;
  double start_factor = 1e-5;
  std::int64_t accumulation = 4;  // micro-iterations of the formula per update, whatever M is
};

// Linear warm-up over e = floor(warmup_ratio * total) micro-iterations, then cosine to 0; t from 0.
// Full rate at both e - 1 and e, the last is not exactly 0; for e < 2 it starts at the full rate.
double learning_rate(const ScheduleConfig& config, std::int64_t t, std::int64_t total);

// Where update `step` (from 1) stands. Phase A has a schedule of its own, B and C share one.
struct StepPlace {
  Phase phase = Phase::C;
  std::int64_t index = 0;  // of the update in its phase, from 0
  bool first_of_schedule =
      false;  // a new optimizer starts here: first of A, first of B (C without B)
  double lr = 0;
  double progress = 0;  // p = (step - first step of B) / (steps of B and C); 0 in A
};
StepPlace place(const ScheduleConfig& config, const PhaseLengths& lengths, std::int64_t step);

}  // namespace desa2va::training
