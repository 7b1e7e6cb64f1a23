#include "common/models/desa2va/points.h"

#include <span>

#include <ATen/Functions.h>

#include "common/base/random.h"

namespace desa2va::models {

PointCounts PointCounts::of(const config::LossConfig& loss) {
  const auto points = static_cast<double>(loss.num_points);
  PointCounts counts{};
  counts.candidates = static_cast<std::int64_t>(points * loss.oversample_ratio);
  counts.kept = static_cast<std::int64_t>(points * loss.importance_sample_ratio);
  counts.fresh = loss.num_points - counts.kept;
  return counts;
}

PointDraws point_draws(std::uint64_t seed, std::string_view branch, std::int64_t entries,
                       std::uint32_t microbatch, const config::LossConfig& loss) {
  const auto counts = PointCounts::of(loss);
  const Random random(seed, "points", branch, microbatch);
  const std::int64_t rows = counts.candidates + counts.fresh;
  auto all = at::empty({entries, rows, 2}, at::kFloat);
  random.fill_uniform(std::span(all.data_ptr<float>(), static_cast<std::size_t>(all.numel())));
  return {all.slice(1, 0, counts.candidates), all.slice(1, counts.candidates)};
}

PointSource counter_points(std::uint64_t seed, std::uint32_t microbatch,
                           const config::LossConfig& loss) {
  return [=](std::string_view branch, std::int64_t entries) {
    return point_draws(seed, branch, entries, microbatch, loss);
  };
}

}  // namespace desa2va::models
