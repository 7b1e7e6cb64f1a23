#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/result.h"
#include "common/models/desa2va/predictor.h"
#include "common/preprocess/image/image.h"
#include "services/inference/media.h"
#include "services/inference/open_model.h"

namespace desa2va::inference {

// What `infer.video_mode=consistent` looks at before the first frame: numbered pictures of the
// video, ascending.
struct KeyframeSource {
  std::function<Result<std::int64_t>()> count;
  std::function<Result<std::vector<preprocess::Image>>(const std::vector<std::int64_t>&)> pick;
};

// Objects through the frames of a picture or a video, as `infer.video_mode` has it, for one branch
// or for several, which share the encoding of each frame and nothing else. Belongs to one thread.
class Tracking {
 public:
  // `frames` as in VideoPredictor. `keyframes` is asked in `consistent` alone, for videos alone;
  // there the model must have its original decoder (load_original).
  static Result<Tracking> start(OpenedModel& opened, MediaKind kind, const models::Prompts& prompts,
                                const std::vector<models::MaskBranch>& branches,
                                std::int64_t frames, const KeyframeSource& keyframes);

  // The masks of the next frame, one a branch. Throws.
  std::vector<models::FrameMasks> next(const preprocess::Image& frame);

 private:
  explicit Tracking(Model& model) : model_(&model) {}

  Model* model_;
  std::vector<models::VideoPredictor> prompted_;  // these,
  std::vector<models::KeyframePredictor> keyed_;  // or these in `consistent`
};

// Whether frames of `kind` are masked by SAM-2 as it was before training.
bool is_consistent(MediaKind kind, const config::Config& config);

}  // namespace desa2va::inference
