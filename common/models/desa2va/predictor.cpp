#include "common/models/desa2va/predictor.h"

#include <algorithm>
#include <limits>

#include <ATen/Functions.h>

#include "common/models/desa2va/fusion.h"
#include "common/models/desa2va/segmenter_impl.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

std::int64_t rows_of(const Prompts& prompts) {
  const at::Tensor& first = prompts.h_v.defined() ? prompts.h_v : prompts.z;
  TORCH_CHECK(first.defined() && first.size(0) > 0, "a predictor needs at least one prompt");
  return first.size(0);
}

at::Tensor rows(const at::Tensor& all, std::int64_t first, std::int64_t end) {
  return all.defined() ? all.slice(0, first, end) : at::Tensor();
}

// What tracking divides by and looks back to, from a number that stops at kFramesAhead.
std::int64_t tracker_frames(std::int64_t frames) {
  return frames < kFramesAhead ? frames : std::numeric_limits<std::int64_t>::max();
}

sam2::TrackerOptions tracker_options(const config::SamConfig& sam, bool bf16_memory) {
  sam2::TrackerOptions options;
  options.memory.num_maskmem = sam.num_maskmem;
  options.bf16_memory = bf16_memory;
  options.forget = true;
  return options;
}

sam2::Pyramid pyramid_of(const EncodedFrames& frame) {
  return {frame.p1, frame.p2, frame.p3};
}

const at::Tensor& chosen(const Prediction& masks, MaskBranch branch) {
  switch (branch) {
    case MaskBranch::Visual:
      return masks.visual;
    case MaskBranch::Text:
      return masks.text;
    case MaskBranch::Fused:
      return masks.fused;
    case MaskBranch::Reprompted:
      break;
  }
  return masks.reprompted;
}

void check_branch(const ModelParts& parts, MaskBranch branch) {
  TORCH_CHECK(parts.decoupler || branch == MaskBranch::Visual,
              "this model has no text branch: only the visual masks are there");
}

// Rows of several groups, one after another.
struct Joined {
  std::vector<FrameMasks> parts;

  FrameMasks whole() {
    if (parts.size() == 1) return std::move(parts[0]);
    FrameMasks out;
    const auto join = [this](auto&& member) {
      std::vector<at::Tensor> values;
      for (auto& part : parts) {
        if (member(part).defined()) values.push_back(member(part));
      }
      return values.empty() ? at::Tensor() : at::cat(values, 0);
    };
    out.final = join([](FrameMasks& m) -> at::Tensor& { return m.final; });
    out.object_score = join([](FrameMasks& m) -> at::Tensor& { return m.object_score; });
    for (const auto member :
         {&Prediction::visual, &Prediction::text, &Prediction::fused, &Prediction::reprompted,
          &Prediction::alpha, &Prediction::iou_visual, &Prediction::iou_text}) {
      out.branches.*member =
          join([member](FrameMasks& m) -> at::Tensor& { return m.branches.*member; });
    }
    return out;
  }
};

template <class Groups>
sam2::Retained sum_retained(const Groups& groups) {
  sam2::Retained all;
  for (const auto& group : groups) {
    const auto held = group->tracker->retained();
    all.frames += held.frames;
    all.memories += held.memories;
    all.masks += held.masks;
  }
  return all;
}

}  // namespace

std::vector<std::int64_t> uniform_frames(std::int64_t frames, std::int64_t most) {
  const std::int64_t count = std::min(most, frames);
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    numbers.push_back(count == 1 ? 0 : (2 * i * (frames - 1) + count - 1) / (2 * (count - 1)));
  }
  return numbers;
}

struct VideoPredictor::Impl {
  struct Group {
    at::Tensor h_t, h_v;  // (n, C); h_t undefined where no text decoder runs
    at::Tensor alpha;     // (n): of the last prompted frame
    Prediction tracked;   // of the last tracked frame
    std::unique_ptr<sam2::Tracker> tracker;
  };

  SamSegmenter::Impl& model;
  PredictorOptions options;
  std::int64_t prompted = 0;
  std::int64_t number = 0;  // of the frame to come
  const EncodedFrames* current = nullptr;
  std::vector<std::unique_ptr<Group>> groups;

  FrameMasks prompt(Group& group);
  FrameMasks track(Group& group);
  void refine(Group& group, const at::Tensor& image, sam2::TrackedFrame& output) const;
};

VideoPredictor::VideoPredictor(SamSegmenter& segmenter, const Prompts& prompts,
                               const PredictorOptions& options, std::int64_t frames)
    : impl_(
          new Impl{*segmenter.impl_, options, std::min(kPromptedFrames, frames), 0, nullptr, {}}) {
  Impl& self = *impl_;
  check_branch(self.model.parts, options.branch);
  if (options.every_frame) self.prompted = std::numeric_limits<std::int64_t>::max();
  const bool decoupled = self.model.parts.decoupler;
  const bool with_text = decoupled && options.branch != MaskBranch::Visual;
  const std::int64_t count = rows_of(prompts);
  for (std::int64_t first = 0; first < count; first += options.objects_at_once) {
    const std::int64_t end = std::min(count, first + options.objects_at_once);
    auto group = std::make_unique<Impl::Group>();
    group->h_v = rows(decoupled ? prompts.h_v : prompts.z, first, end);
    if (with_text) group->h_t = rows(prompts.h_t, first, end);
    sam2::Tracker::Refine refine;
    if (with_text && options.text_branch_on_tracked) {
      refine = [&self, raw = group.get()](const sam2::Pyramid&, const at::Tensor& image,
                                          sam2::TrackedFrame& output) {
        self.refine(*raw, image, output);
      };
    }
    group->tracker = std::make_unique<sam2::Tracker>(
        *self.model.sam, self.model.config.sam2,
        tracker_options(self.model.config.sam2, options.bf16_memory), tracker_frames(frames),
        [&self](std::int64_t) { return pyramid_of(*self.current); }, std::move(refine));
    self.groups.push_back(std::move(group));
  }
}
VideoPredictor::~VideoPredictor() = default;
VideoPredictor::VideoPredictor(VideoPredictor&&) noexcept = default;

std::int64_t VideoPredictor::prompted_frames() const {
  return impl_->prompted;
}

FrameMasks VideoPredictor::Impl::prompt(Group& group) {
  const auto first =
      at::zeros({group.h_v.size(0)}, at::TensorOptions(at::kLong).device(group.h_v.device()));
  Prompted made = model.prompted(*current, group.h_t, group.h_v, first,
                                 options.branch == MaskBranch::Reprompted);
  group.alpha = made.masks.alpha;
  auto& sam = *model.sam;
  sam2::TrackedFrame output;
  output.low_res = chosen(made.masks, options.branch).unsqueeze(1);
  output.object_score = sam.mask_decoder->object_score(made.visual.output);
  output.ious = made.visual.output.iou.slice(1, 1, 4);
  output.best = made.visual.selected.best;
  const sam2::PointerRules rules;
  output.pointer =
      sam2::mix_pointer(sam.obj_ptr_proj->forward(made.visual.selected.token),
                        sam2::presence(output.object_score, rules), sam.no_obj_ptr, rules);
  FrameMasks masks{output.low_res.squeeze(1), output.object_score.squeeze(1), made.masks};
  if (options.every_frame) return masks;
  group.tracker->add_prompted(number, std::move(output));
  group.tracker->encode_prompted();
  return masks;
}

// The text decoder has never decoded without its prompt, so it gets it again; the features are
// those that looked at the memory.
void VideoPredictor::Impl::refine(Group& group, const at::Tensor& image,
                                  sam2::TrackedFrame& output) const {
  const std::int64_t n = image.size(0);
  const EncodedFrames frames{
      current->p1.expand({n, -1, -1, -1}), current->p2.expand({n, -1, -1, -1}), {}};
  const auto text = model.decode_on(*model.text_decoder, image, frames, group.h_t, {}, {});
  Prediction& made = group.tracked;
  made.visual = output.low_res.squeeze(1);
  made.text = text.selected.logits;
  const auto best_iou = output.ious.gather(1, output.best.unsqueeze(1)).squeeze(1);
  const FusionInput input{made.visual, made.text,         group.h_t,           group.h_v,
                          best_iou,    text.selected.iou, model.gate_weight(), model.gate_bias()};
  made.fused = fuse(input, model.config.decoupler.fusion_mode).logits;
  const auto& goes_on = options.branch == MaskBranch::Text ? made.text : made.fused;
  output.low_res = goes_on.unsqueeze(1);
}

FrameMasks VideoPredictor::Impl::track(Group& group) {
  group.tracked = {};
  const auto& output = group.tracker->track(number);
  FrameMasks masks{output.low_res.squeeze(1), output.object_score.squeeze(1),
                   std::exchange(group.tracked, {})};
  if (!masks.branches.visual.defined()) masks.branches.visual = masks.final;
  return masks;
}

FrameMasks VideoPredictor::next(const EncodedFrames& frame) {
  const tensor::NoGradient no_gradient;
  Impl& self = *impl_;
  TORCH_CHECK(frame.p3.size(0) == 1, "frames come one by one, not ", frame.p3.size(0), " at once");
  self.current = &frame;
  Joined joined;
  for (const auto& group : self.groups) {
    joined.parts.push_back(self.number < self.prompted ? self.prompt(*group) : self.track(*group));
  }
  self.current = nullptr;
  ++self.number;
  return joined.whole();
}

sam2::Retained VideoPredictor::retained() const {
  return sum_retained(impl_->groups);
}

struct KeyframePredictor::Impl {
  struct Group {
    at::Tensor h_t, h_v;
    std::unique_ptr<sam2::Tracker> tracker;
  };

  SamSegmenter::Impl& model;
  PredictorOptions options;
  std::int64_t number = 0;
  const EncodedFrames* current = nullptr;
  std::vector<std::unique_ptr<Group>> groups;
};

KeyframePredictor::KeyframePredictor(SamSegmenter& segmenter, const Prompts& prompts,
                                     const PredictorOptions& options, std::int64_t frames)
    : impl_(new Impl{*segmenter.impl_, options, 0, nullptr, {}}) {
  Impl& self = *impl_;
  check_branch(self.model.parts, options.branch);
  TORCH_CHECK(self.model.original != nullptr,
              "infer.video_mode=consistent needs SAM-2's decoder as it was before training");
  const bool decoupled = self.model.parts.decoupler;
  auto rules = tracker_options(self.model.config.sam2, options.bf16_memory);
  rules.blank_absent = true;  // this is the official SAM-2
  const std::int64_t count = rows_of(prompts);
  for (std::int64_t first = 0; first < count; first += options.objects_at_once) {
    const std::int64_t end = std::min(count, first + options.objects_at_once);
    auto group = std::make_unique<Impl::Group>();
    group->h_v = rows(decoupled ? prompts.h_v : prompts.z, first, end);
    if (decoupled && options.branch != MaskBranch::Visual)
      group->h_t = rows(prompts.h_t, first, end);
    group->tracker = std::make_unique<sam2::Tracker>(
        *self.model.original, self.model.config.sam2, rules, tracker_frames(frames),
        [&self](std::int64_t) { return pyramid_of(*self.current); });
    self.groups.push_back(std::move(group));
  }
}
KeyframePredictor::~KeyframePredictor() = default;
KeyframePredictor::KeyframePredictor(KeyframePredictor&&) noexcept = default;

void KeyframePredictor::add_keyframe(std::int64_t number, const EncodedFrames& frame) {
  const tensor::NoGradient no_gradient;
  Impl& self = *impl_;
  self.current = &frame;
  for (const auto& group : self.groups) {
    const auto first =
        at::zeros({group->h_v.size(0)}, at::TensorOptions(at::kLong).device(group->h_v.device()));
    const auto made = self.model.prompted(frame, group->h_t, group->h_v, first,
                                          self.options.branch == MaskBranch::Reprompted);
    const auto& masks = chosen(made.masks, self.options.branch);
    const auto prompt =
        sam2::enlarge(masks.unsqueeze(1), self.model.config.sam2.image_size).squeeze(1).gt(0);
    group->tracker->prompt_mask(number, prompt);
    group->tracker->encode_prompted();
  }
  self.current = nullptr;
}

FrameMasks KeyframePredictor::next(const EncodedFrames& frame) {
  const tensor::NoGradient no_gradient;
  Impl& self = *impl_;
  self.current = &frame;
  Joined joined;
  for (const auto& group : self.groups) {
    const auto& output = group->tracker->track(self.number);
    FrameMasks masks{output.low_res.squeeze(1), output.object_score.squeeze(1), {}};
    joined.parts.push_back(std::move(masks));
  }
  self.current = nullptr;
  ++self.number;
  return joined.whole();
}

sam2::Retained KeyframePredictor::retained() const {
  return sum_retained(impl_->groups);
}

}  // namespace desa2va::models
