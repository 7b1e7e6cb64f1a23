#pragma once

#include <cstdint>
#include <set>
#include <vector>

// Which frames a tracked frame remembers (model 4.7), as a function of integers.
namespace desa2va::models::sam2 {

struct MemoryRules {
  std::int64_t num_maskmem = 7;       // conditioning slot and 6 others
  std::int64_t max_cond_frames = -1;  // -1: all
  std::int64_t stride = 1;            // between remembered frames, except the nearest
  std::int64_t max_pointers = 16;     // frames that give an object pointer
  bool pointers_from_past_only = true;
};

struct MemorySlot {
  std::int64_t frame;
  bool conditioning;          // read from the conditioning outputs, else from the tracked ones
  std::int64_t position_row;  // of maskmem_tpos_enc
};
struct PointerSlot {
  std::int64_t frame;
  bool conditioning;
  std::int64_t distance;  // signed: the past is positive in the direction of tracking
};
struct MemoryPlan {
  std::vector<MemorySlot> memories;  // in the order in which they are concatenated
  std::vector<PointerSlot> pointers;
  std::int64_t pointer_limit = 0;  // min(frames of the video, max_pointers)
};

// What a forward pass may still ask of the frames it has tracked, when `next` is the next one:
// memories of frames from `memories` on and pointers of frames from `pointers` on. Whatever comes
// later asks for nothing before these.
struct MemoryHorizon {
  std::int64_t memories = 0;
  std::int64_t pointers = 0;
};
MemoryHorizon memory_horizon(std::int64_t next, const MemoryRules& rules);

// conditioning: frames in the order of prompting; tracked: frames with an output of their own.
MemoryPlan plan_memory(std::int64_t frame, std::int64_t num_frames, bool reverse,
                       const std::vector<std::int64_t>& conditioning,
                       const std::set<std::int64_t>& tracked, const MemoryRules& rules);

}  // namespace desa2va::models::sam2
