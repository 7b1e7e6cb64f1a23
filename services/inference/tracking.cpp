#include "services/inference/tracking.h"

#include "common/tensor/guarded.h"

namespace desa2va::inference {

bool is_consistent(MediaKind kind, const config::Config& config) {
  return kind == MediaKind::Video && config.infer.video_mode == "consistent";
}

Result<Tracking> Tracking::start(OpenedModel& opened, MediaKind kind,
                                 const models::Prompts& prompts,
                                 const std::vector<models::MaskBranch>& branches,
                                 std::int64_t frames, const KeyframeSource& keyframes) {
  const auto& infer = opened.config.infer;
  models::PredictorOptions options;
  options.text_branch_on_tracked = infer.text_branch_on_tracked;
  options.bf16_memory = infer.memory_dtype == "bfloat16";
  options.every_frame = infer.video_mode == "every_frame";
  Tracking tracking(*opened.model);
  std::vector<std::int64_t> numbers;
  std::vector<preprocess::Image> images;
  if (is_consistent(kind, opened.config)) {
    DESA2VA_ASSIGN(const std::int64_t count, keyframes.count());
    numbers = models::uniform_frames(count);
    DESA2VA_ASSIGN(images, keyframes.pick(numbers));
  }
  DESA2VA_TRY(tensor::guarded([&] {
    auto& segmenter = opened.model->segmenter();
    for (const models::MaskBranch branch : branches) {
      options.branch = branch;
      if (images.empty())
        tracking.prompted_.emplace_back(segmenter, prompts, options, frames);
      else
        tracking.keyed_.emplace_back(segmenter, prompts, options, frames);
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto encoded = opened.model->encode(images[i]);
      for (auto& predictor : tracking.keyed_) predictor.add_keyframe(numbers[i], encoded);
    }
  }));
  return tracking;
}

std::vector<models::FrameMasks> Tracking::next(const preprocess::Image& frame) {
  const auto encoded = model_->encode(frame);
  std::vector<models::FrameMasks> masks;
  for (auto& predictor : prompted_) masks.push_back(predictor.next(encoded));
  for (auto& predictor : keyed_) masks.push_back(predictor.next(encoded));
  return masks;
}

}  // namespace desa2va::inference
