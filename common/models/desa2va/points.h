#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "common/config/model.h"

// Points of the mask losses: drawn by counters, so any process may draw them and resume needs no
// state.
namespace desa2va::models {

// (x, y) in [0, 1), float32 on the CPU.
struct PointDraws {
  at::Tensor uncertainty;  // (N, int(P * oversample), 2): candidates, the most uncertain are kept
  at::Tensor fresh;        // (N, P - int(ratio * P), 2): used as they are
};

// How many of each kind one mask has; products are truncated, as in the reference.
struct PointCounts {
  std::int64_t candidates, kept, fresh;
  static PointCounts of(const config::LossConfig& loss);
};

// Points of every decoder entry of a branch: "visual", "text", "fused", "visual_reprompt". The text
// branch is asked for all entries and uses the rows that the label mask keeps.
using PointSource = std::function<PointDraws(std::string_view branch, std::int64_t entries)>;

// Philox: purpose "points", site = branch, elements of entry e start at e * 2 * (candidates +
// fresh): candidates first, x before y.
PointDraws point_draws(std::uint64_t seed, std::string_view branch, std::int64_t entries,
                       std::uint32_t microbatch, const config::LossConfig& loss);
PointSource counter_points(std::uint64_t seed, std::uint32_t microbatch,
                           const config::LossConfig& loss);

}  // namespace desa2va::models
