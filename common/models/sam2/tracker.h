#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/models/sam2/memory_plan.h"
#include "common/models/sam2/object_pointer.h"
#include "common/models/sam2/sam2_model.h"

// Objects through a video with SAM-2's memory (model 4.5-4.8): first prompts on some frames, then
// their memories, then the other frames one by one. No gradients.
namespace desa2va::models::sam2 {

// P1, P2, P3 of one frame, (1, C, ..): raw neck levels.
using Pyramid = std::array<at::Tensor, 3>;

struct TrackerOptions {
  MemoryRules memory;
  PointerRules pointer;
  bool binarize_prompted = false;  // masks of prompted frames enter the memory as 0 or 1
  bool blank_absent = false;       // official SAM-2; Sa2VA keeps the masks of absent objects
  bool bf16_memory = false;        // what is remembered is kept in bfloat16
  // Forward passes only: forget what no later frame can ask for, so that a video of any length
  // needs the same memory. `last_memory` is then empty.
  bool forget = false;
};

// N objects that are prompted and tracked together.
struct TrackedFrame {
  at::Tensor low_res;       // (N, 1, S/4, S/4) logits
  at::Tensor object_score;  // (N, 1) logits
  at::Tensor pointer;       // (N, C)
  at::Tensor ious;          // (N, 3) predicted
  at::Tensor best;          // (N) of masks 1..3
  at::Tensor memory;        // (N, mem_dim, h, w); undefined until encoded, or forgotten
};

// How much a tracker holds on to: prompted and tracked frames, spatial memories, masks.
struct Retained {
  std::size_t frames = 0, memories = 0, masks = 0;
};

// What the last tracked frame looked at.
struct MemoryInput {
  at::Tensor memory, position;      // (N, L, mem_dim)
  std::int64_t pointer_tokens = 0;  // the last of the L
  at::Tensor fused;                 // (N, HW, C)
};

class Tracker {
 public:
  // Changes a tracked frame's output before it is remembered; `image`: (N, C, h, w), the features
  // after memory attention.
  using Refine = std::function<void(const Pyramid&, const at::Tensor& image, TrackedFrame&)>;

  // `features` gives a frame's pyramid; it is asked once per use, so it should cache. `model` must
  // outlive the tracker.
  Tracker(Sam2Model& model, const config::SamConfig& config, TrackerOptions options,
          std::int64_t num_frames, std::function<Pyramid(std::int64_t)> features,
          Refine refine = {});

  // Prompted frames; a frame prompted again replaces its output.
  const TrackedFrame& prompt_vector(std::int64_t frame, const at::Tensor& h);  // (N, C)
  const TrackedFrame& prompt_points(std::int64_t frame, const at::Tensor& points,
                                    const at::Tensor& labels);  // (N, P, 2) pixels, (N, P)
  const TrackedFrame& prompt_mask(std::int64_t frame, const at::Tensor& mask);  // (N, S, S)
  // An output made elsewhere, such as a fused mask.
  const TrackedFrame& add_prompted(std::int64_t frame, TrackedFrame output);

  // Encodes the memories of prompted frames that have none; before tracking.
  void encode_prompted();

  // The output of `frame`: that of the prompt, or tracked now and remembered. Valid until the next
  // call.
  const TrackedFrame& track(std::int64_t frame, bool reverse = false);
  // Of the last frame that was really tracked.
  const MemoryInput& last_memory() const { return last_memory_; }
  Retained retained() const;

 private:
  TrackedFrame decode(const Pyramid& pyramid, const at::Tensor& image, const at::Tensor& sparse,
                      bool multimask);
  at::Tensor remember(const Pyramid& pyramid, const TrackedFrame& output, bool prompted);
  void forget_before(std::int64_t next);
  MemoryInput recall(std::int64_t frame, bool reverse, std::int64_t objects);
  at::Tensor prompted_image(const Pyramid& pyramid, std::int64_t objects) const;

  Sam2Model& model_;
  const config::SamConfig config_;
  const TrackerOptions options_;
  const std::int64_t num_frames_;
  const std::function<Pyramid(std::int64_t)> features_;
  const Refine refine_;
  std::vector<std::int64_t> prompted_order_;
  std::map<std::int64_t, TrackedFrame> prompted_, tracked_;
  MemoryInput last_memory_;
};

}  // namespace desa2va::models::sam2
