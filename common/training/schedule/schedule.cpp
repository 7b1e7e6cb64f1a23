#include "common/training/schedule/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace desa2va::training {
namespace {
std::int64_t share(double fraction, std::int64_t of) {
  return std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(of)));
}
}  // namespace

Result<PhaseLengths> phase_lengths(std::int64_t steps, double frac_a, double frac_b, bool has_a,
                                   bool has_b) {
  PhaseLengths lengths;
  lengths.a = has_a ? share(frac_a, steps) : 0;
  lengths.b = has_b ? share(frac_b, steps - lengths.a) : 0;
  lengths.c = steps - lengths.a - lengths.b;
  if (lengths.c < 1) {
    return fail(Errc::InvalidArgument,
                "train.steps={} leaves {} steps for phase C after {} of A and {} of B; raise "
                "train.steps or lower phase_a.frac or phase_b.frac",
                steps, lengths.c, lengths.a, lengths.b);
  }
  return lengths;
}

double learning_rate(const ScheduleConfig& config, std::int64_t t, std::int64_t total) {
  const auto warmup =
      static_cast<std::int64_t>(std::floor(config.warmup_ratio * static_cast<double>(total)));
  if (t < warmup) {
    if (warmup < 2) return config.lr;
    const double done = static_cast<double>(t) / static_cast<double>(warmup - 1);
    return config.lr * (config.start_factor + (1.0 - config.start_factor) * done);
  }
  const double done = static_cast<double>(t - warmup) / static_cast<double>(total - warmup);
  return config.lr * (1.0 + std::cos(std::numbers::pi * done)) / 2.0;
}

StepPlace place(const ScheduleConfig& config, const PhaseLengths& lengths, std::int64_t step) {
  StepPlace at;
  const std::int64_t in_a = step - 1;
  const std::int64_t in_bc = in_a - lengths.a;
  if (in_bc < 0) {
    at.phase = Phase::A;
    at.index = in_a;
    at.first_of_schedule = in_a == 0;
    at.lr = learning_rate(config, (in_a + 1) * config.accumulation - 1,
                          lengths.a * config.accumulation);
    return at;
  }
  at.phase = in_bc < lengths.b ? Phase::B : Phase::C;
  at.index = at.phase == Phase::B ? in_bc : in_bc - lengths.b;
  at.first_of_schedule = in_bc == 0;
  const std::int64_t total = lengths.b + lengths.c;
  at.lr = learning_rate(config, (in_bc + 1) * config.accumulation - 1, total * config.accumulation);
  at.progress = static_cast<double>(in_bc) / static_cast<double>(total);
  return at;
}

}  // namespace desa2va::training
