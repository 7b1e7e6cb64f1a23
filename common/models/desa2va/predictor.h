#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "common/models/desa2va/decoupler.h"
#include "common/models/desa2va/segmenter.h"
#include "common/models/sam2/tracker.h"

// [SEG] prompts through a video, one frame at a time (model 1.4, 5.9, 5.11). What is held does not
// grow with the video: frames come in order, each once, and what no later frame can ask for is
// dropped. Belongs to one thread; throws.
namespace desa2va::models {

// Which masks go on: are handed out as `final`, remembered, and propagated.
enum class MaskBranch : std::uint8_t { Visual, Text, Fused, Reprompted };

struct PredictorOptions {
  MaskBranch branch = MaskBranch::Reprompted;
  bool text_branch_on_tracked = false;  // `infer.text_branch_on_tracked`
  bool bf16_memory = true;              // `infer.memory_dtype`
  // `infer.video_mode=every_frame`: the prompt on all frames and no memory, as training has it; for
  // models whose SAM-2 never learned to remember.
  bool every_frame = false;
  std::int64_t objects_at_once = 8;  // of one decoder pass; bounds memory, not results
};

// Frames whose number a predictor must know: of longer videos it need not know more.
inline constexpr std::int64_t kFramesAhead = 16;
// Frames that the language model sees and that get the prompt.
inline constexpr std::int64_t kPromptedFrames = 5;

// N objects on one frame; logits (N, S/4, S/4).
struct FrameMasks {
  at::Tensor final;         // of the chosen branch
  at::Tensor object_score;  // (N) logits: above 0 where the decoder sees the object
  Prediction branches;      // of prompted frames; of tracked ones what was run
};

// `infer.video_mode=sa2va`: the prompt on the first frames, SAM-2's memory from there on. All
// objects share each frame's features; each has its own memory.
class VideoPredictor {
 public:
  // `frames`: of the video; 16 stands for 16 or more. Objects are rows of the prompts (z for
  // baselines), at least one. A branch that the model does not have throws. `segmenter` must
  // outlive it.
  VideoPredictor(SamSegmenter& segmenter, const Prompts& prompts, const PredictorOptions& options,
                 std::int64_t frames);
  ~VideoPredictor();
  VideoPredictor(VideoPredictor&&) noexcept;

  // The first min(5, N); with `every_frame` more than any video has.
  std::int64_t prompted_frames() const;
  // The next frame, encoded (F = 1).
  FrameMasks next(const EncodedFrames& frame);

  sam2::Retained retained() const;  // summed over groups of objects

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `infer.video_mode=consistent` (arXiv 2509.19082): the fine-tuned decoders make masks of keyframes
// without any memory; those are mask prompts of the SAM-2 that was there before training.
class KeyframePredictor {
 public:
  // As above. Throws unless the segmenter keeps its original (`keep_original`).
  KeyframePredictor(SamSegmenter& segmenter, const Prompts& prompts,
                    const PredictorOptions& options, std::int64_t frames);
  ~KeyframePredictor();
  KeyframePredictor(KeyframePredictor&&) noexcept;

  // Keyframes first, in any order; frame 0 must be one.
  void add_keyframe(std::int64_t number, const EncodedFrames& frame);
  // Then all frames in order, keyframes included.
  FrameMasks next(const EncodedFrames& frame);

  sam2::Retained retained() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// round(i (frames - 1) / (K - 1)), i < K = min(5, frames); frame 0 alone for K = 1. Half up.
std::vector<std::int64_t> uniform_frames(std::int64_t frames, std::int64_t most = kPromptedFrames);

}  // namespace desa2va::models
