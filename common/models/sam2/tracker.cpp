#include "common/models/sam2/tracker.h"

#include <utility>

#include <ATen/Functions.h>

#include "common/models/sam2/position_encoding.h"
#include "common/tensor/gradients.h"

namespace desa2va::models::sam2 {
namespace {
at::Tensor as_tokens(const at::Tensor& x) {
  return x.flatten(2).transpose(1, 2);
}
}  // namespace

Tracker::Tracker(Sam2Model& model, const config::SamConfig& config, TrackerOptions options,
                 std::int64_t num_frames, std::function<Pyramid(std::int64_t)> features,
                 Refine refine)
    : model_(model),
      config_(config),
      options_(options),
      num_frames_(num_frames),
      features_(std::move(features)),
      refine_(std::move(refine)) {}

at::Tensor Tracker::prompted_image(const Pyramid& pyramid, std::int64_t objects) const {
  const auto image = pyramid[2] + model_.no_mem_embed.view({1, config_.dim, 1, 1});
  return image.expand({objects, -1, -1, -1});
}

// The decoder and what follows it for each object; `image`: (N, C, h, w).
TrackedFrame Tracker::decode(const Pyramid& pyramid, const at::Tensor& image,
                             const at::Tensor& sparse, bool multimask) {
  const std::int64_t n = sparse.size(0);
  auto& prompts = *model_.prompt_encoder;
  auto& decoder = *model_.mask_decoder;
  const auto output = decoder.forward({image,
                                       pyramid[0].expand({n, -1, -1, -1}),
                                       pyramid[1].expand({n, -1, -1, -1}),
                                       prompts.dense_pe(),
                                       sparse,
                                       prompts.no_mask(),
                                       {}});
  TrackedFrame frame;
  frame.object_score = decoder.object_score(output);
  frame.ious = output.iou.slice(1, 1, 4);
  at::Tensor token;
  if (multimask) {
    const auto selected = decoder.select(output, config_.mask_select == "argmax_iou");
    frame.low_res = selected.logits.unsqueeze(1);
    frame.best = selected.best;
    token = selected.token;
  } else {
    const auto single = decoder.single(output, {/*enabled=*/true});
    frame.low_res = single.logits;
    frame.best = at::zeros({n}, at::kLong);
    token = single.token.squeeze(1);
  }
  if (options_.blank_absent) frame.low_res = blank_absent(frame.low_res, frame.object_score);
  frame.pointer = mix_pointer(model_.obj_ptr_proj->forward(token),
                              presence(frame.object_score, options_.pointer), model_.no_obj_ptr,
                              options_.pointer);
  return frame;
}

const TrackedFrame& Tracker::add_prompted(std::int64_t frame, TrackedFrame output) {
  if (!prompted_.contains(frame)) prompted_order_.push_back(frame);
  return prompted_[frame] = std::move(output);
}

const TrackedFrame& Tracker::prompt_vector(std::int64_t frame, const at::Tensor& h) {
  const tensor::NoGradient no_gradient;
  const auto pyramid = features_(frame);
  const std::int64_t n = h.size(0);
  const auto sparse =
      at::cat({model_.prompt_encoder->no_points().expand({n, 2, config_.dim}), h.unsqueeze(1)}, 1);
  return add_prompted(frame, decode(pyramid, prompted_image(pyramid, n), sparse, true));
}

const TrackedFrame& Tracker::prompt_points(std::int64_t frame, const at::Tensor& points,
                                           const at::Tensor& labels) {
  const tensor::NoGradient no_gradient;
  const auto pyramid = features_(frame);
  const auto sparse = model_.prompt_encoder->sparse(points, labels, {});
  return add_prompted(frame, decode(pyramid, prompted_image(pyramid, points.size(0)), sparse,
                                    /*multimask=*/points.size(1) <= 1));
}

const TrackedFrame& Tracker::prompt_mask(std::int64_t frame, const at::Tensor& mask) {
  const tensor::NoGradient no_gradient;
  const auto pyramid = features_(frame);
  const std::int64_t n = mask.size(0), low = config_.mask_size();
  const auto on = mask.ne(0).to(at::kFloat).unsqueeze(1);
  const auto there = mask.flatten(1).ne(0).any(1, /*keepdim=*/true).to(at::kFloat);  // (N, 1)
  TrackedFrame output;
  output.low_res = at::_upsample_bilinear2d_aa(on * 20.0 - 10.0, {low, low}, false);
  output.object_score = there * 20.0 - 10.0;
  output.ious = at::ones({n, 3}, on.options());
  output.best = at::zeros({n}, at::kLong);

  // The pointer is of a decoder run on features without no_mem_embed, with the mask as prompt. It
  // is mixed with no_obj_ptr by the score of that run, then by whether there is a mask at all.
  auto& prompts = *model_.prompt_encoder;
  auto& decoder = *model_.mask_decoder;
  const auto expand = [&](const at::Tensor& x) { return x.expand({n, -1, -1, -1}); };
  const auto run = decoder.forward({expand(pyramid[2]),
                                    expand(pyramid[0]),
                                    expand(pyramid[1]),
                                    prompts.dense_pe(),
                                    prompts.no_points().expand({n, 2, config_.dim}),
                                    prompts.dense(model_.mask_downsample->forward(on)),
                                    {}});
  const auto token = run.mask_tokens.select(1, 0);
  const auto inner = mix_pointer(model_.obj_ptr_proj->forward(token),
                                 presence(decoder.object_score(run), options_.pointer),
                                 model_.no_obj_ptr, options_.pointer);
  output.pointer = mix_pointer(inner, there, model_.no_obj_ptr, options_.pointer);
  return add_prompted(frame, std::move(output));
}

at::Tensor Tracker::remember(const Pyramid& pyramid, const TrackedFrame& output, bool prompted) {
  const auto high_res = enlarge(output.low_res, config_.image_size);
  auto memory =
      model_.memory_encoder->forward(pyramid[2].expand({output.low_res.size(0), -1, -1, -1}),
                                     memory_mask(high_res, prompted && options_.binarize_prompted));
  if (model_.no_obj_embed_spatial.defined()) {
    const auto absent = output.object_score.le(0).to(memory.scalar_type()).view({-1, 1, 1, 1});
    memory = memory + absent * model_.no_obj_embed_spatial.view({1, -1, 1, 1});
  }
  return options_.bf16_memory ? memory.to(at::kBFloat16) : memory;
}

void Tracker::encode_prompted() {
  const tensor::NoGradient no_gradient;
  for (auto& [frame, output] : prompted_) {
    if (!output.memory.defined()) output.memory = remember(features_(frame), output, true);
  }
}

MemoryInput Tracker::recall(std::int64_t frame, bool reverse, std::int64_t objects) {
  std::set<std::int64_t> tracked;
  for (const auto& [t, output] : tracked_) tracked.insert(t);
  const auto plan =
      plan_memory(frame, num_frames_, reverse, prompted_order_, tracked, options_.memory);
  const auto output = [&](std::int64_t t, bool conditioning) -> const TrackedFrame& {
    return conditioning ? prompted_.at(t) : tracked_.at(t);
  };
  std::vector<at::Tensor> memory, position;
  const auto grid = as_tokens(sine_encoding(config_.mem_dim, config_.grid(), config_.grid())
                                  .to(model_.no_obj_ptr.device()));  // (1, HW, mem_dim)
  for (const auto& slot : plan.memories) {
    const auto& remembered = output(slot.frame, slot.conditioning).memory;
    TORCH_CHECK(remembered.defined(), "frame ", slot.frame,
                " has no memory: encode_prompted first");
    memory.push_back(as_tokens(remembered.to(grid.scalar_type())));
    position.push_back((grid + model_.maskmem_tpos_enc[slot.position_row].view({1, 1, -1}))
                           .expand({objects, -1, -1}));
  }
  MemoryInput input;
  if (!plan.pointers.empty()) {
    const std::int64_t split = config_.dim / config_.mem_dim;  // tokens of one pointer
    std::vector<at::Tensor> pointers;
    std::vector<std::int64_t> distances;
    for (const auto& slot : plan.pointers) {
      pointers.push_back(
          output(slot.frame, slot.conditioning).pointer.reshape({objects, split, config_.mem_dim}));
      distances.push_back(slot.distance);
    }
    memory.push_back(at::cat(pointers, 1));
    input.pointer_tokens = memory.back().size(1);
    if (model_.obj_ptr_tpos_proj) {
      const auto range = static_cast<double>(plan.pointer_limit - 1);
      const auto distance =
          at::tensor(distances, at::kLong).to(model_.no_obj_ptr.device()).to(at::kFloat) / range;
      const auto encoded =
          model_.obj_ptr_tpos_proj->forward(sine_of_distance(distance, config_.dim));
      position.push_back(
          encoded.repeat_interleave(split, 0).unsqueeze(0).expand({objects, -1, -1}));
    } else {
      position.push_back(at::zeros_like(memory.back()));
    }
  }
  input.memory = at::cat(memory, 1);
  input.position = at::cat(position, 1);
  return input;
}

const TrackedFrame& Tracker::track(std::int64_t frame, bool reverse) {
  if (const auto found = prompted_.find(frame); found != prompted_.end()) return found->second;
  const tensor::NoGradient no_gradient;
  TORCH_CHECK(!prompted_.empty(), "tracking needs a prompted frame");
  const std::int64_t n = prompted_.begin()->second.pointer.size(0);
  const auto pyramid = features_(frame);
  last_memory_ = recall(frame, reverse, n);
  const auto current = as_tokens(pyramid[2]).expand({n, -1, -1});
  const auto position = as_tokens(
      sine_encoding(config_.dim, pyramid[2].size(2), pyramid[2].size(3)).to(current.device()));
  last_memory_.fused = model_.memory_attention->forward(
      current, position, last_memory_.memory, last_memory_.position, last_memory_.pointer_tokens);
  const auto image = last_memory_.fused.transpose(1, 2).unflatten(2, pyramid[2].sizes().slice(2));
  auto output =
      decode(pyramid, image, model_.prompt_encoder->no_points().expand({n, 2, config_.dim}), true);
  if (refine_) refine_(pyramid, image, output);
  output.memory = remember(pyramid, output, false);
  if (options_.forget) {
    TORCH_CHECK(!reverse, "a tracker that forgets goes forward only");
    last_memory_ = {};
    forget_before(frame + 1);
  }
  return tracked_[frame] = std::move(output);
}

void Tracker::forget_before(std::int64_t next) {
  const MemoryHorizon horizon = memory_horizon(next, options_.memory);
  tracked_.erase(tracked_.begin(), tracked_.lower_bound(horizon.pointers));
  for (auto& [frame, output] : tracked_) {
    output.low_res.reset();
    output.ious.reset();
    output.best.reset();
    if (frame < horizon.memories) output.memory.reset();
  }
}

Retained Tracker::retained() const {
  Retained held;
  for (const auto* outputs : {&prompted_, &tracked_}) {
    for (const auto& [frame, output] : *outputs) {
      ++held.frames;
      held.memories += output.memory.defined() ? 1 : 0;
      held.masks += output.low_res.defined() ? 1 : 0;
    }
  }
  return held;
}

}  // namespace desa2va::models::sam2
