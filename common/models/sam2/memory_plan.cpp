#include "common/models/sam2/memory_plan.h"

#include <algorithm>
#include <cstdlib>

namespace desa2va::models::sam2 {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return -floor_div(-a, b);
}

// Nearest before, nearest at or after, then the rest by distance; all of them without a limit.
std::vector<std::int64_t> select_conditioning(std::int64_t frame,
                                              const std::vector<std::int64_t>& conditioning,
                                              std::int64_t limit) {
  if (limit < 0 || static_cast<std::int64_t>(conditioning.size()) <= limit) return conditioning;
  std::vector<std::int64_t> selected;
  const auto take = [&](auto&& better) {
    const std::int64_t* best = nullptr;
    for (const auto& t : conditioning) {
      if (better(t, best)) best = &t;
    }
    if (best != nullptr) selected.push_back(*best);
  };
  take([&](auto t, auto* best) { return t < frame && (best == nullptr || t > *best); });
  take([&](auto t, auto* best) { return t >= frame && (best == nullptr || t < *best); });
  std::vector<std::int64_t> rest;
  for (const auto t : conditioning) {
    if (std::find(selected.begin(), selected.end(), t) == selected.end()) rest.push_back(t);
  }
  std::stable_sort(rest.begin(), rest.end(),
                   [&](auto a, auto b) { return std::abs(a - frame) < std::abs(b - frame); });
  for (const auto t : rest) {
    if (static_cast<std::int64_t>(selected.size()) >= limit) break;
    selected.push_back(t);
  }
  return selected;
}

}  // namespace

MemoryHorizon memory_horizon(std::int64_t next, const MemoryRules& rules) {
  const std::int64_t oldest = rules.num_maskmem - 1;  // steps back of the oldest memory
  const std::int64_t strided =
      floor_div(next - 2, rules.stride) * rules.stride - (oldest - 2) * rules.stride;
  return {oldest > 1 ? std::min(next - 1, strided) : next - 1, next - rules.max_pointers + 1};
}

MemoryPlan plan_memory(std::int64_t frame, std::int64_t num_frames, bool reverse,
                       const std::vector<std::int64_t>& conditioning,
                       const std::set<std::int64_t>& tracked, const MemoryRules& rules) {
  const auto selected = select_conditioning(frame, conditioning, rules.max_cond_frames);
  // A conditioning frame that was not selected may still come back as an ordinary one.
  std::set<std::int64_t> unselected(conditioning.begin(), conditioning.end());
  for (const auto t : selected) unselected.erase(t);
  const auto has_output = [&](std::int64_t t) {
    return tracked.contains(t) || unselected.contains(t);
  };
  const auto is_conditioning = [&](std::int64_t t) { return !tracked.contains(t); };

  MemoryPlan plan;
  for (const auto t : selected) plan.memories.push_back({t, true, rules.num_maskmem - 1});
  for (std::int64_t position = 1; position < rules.num_maskmem; ++position) {
    const std::int64_t back = rules.num_maskmem - position, r = rules.stride;
    std::int64_t t = reverse ? frame + 1 : frame - 1;
    if (back > 1) {
      t = reverse ? ceil_div(frame + 2, r) * r + (back - 2) * r
                  : floor_div(frame - 2, r) * r - (back - 2) * r;
    }
    if (has_output(t))
      plan.memories.push_back({t, is_conditioning(t), rules.num_maskmem - position - 1});
  }

  const std::int64_t direction = reverse ? -1 : 1;
  plan.pointer_limit = std::min(num_frames, rules.max_pointers);
  for (const auto t : selected) {
    const std::int64_t distance = (frame - t) * direction;
    if (distance >= 0 || !rules.pointers_from_past_only)
      plan.pointers.push_back({t, true, distance});
  }
  for (std::int64_t distance = 1; distance < plan.pointer_limit; ++distance) {
    const std::int64_t t = frame - distance * direction;
    if (t < 0 || t >= num_frames) break;
    if (has_output(t)) plan.pointers.push_back({t, is_conditioning(t), distance});
  }
  return plan;
}

}  // namespace desa2va::models::sam2
