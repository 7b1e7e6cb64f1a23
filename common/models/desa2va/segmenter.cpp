#include "common/models/desa2va/segmenter.h"

#include <ATen/Functions.h>

#include "common/models/desa2va/fusion.h"
#include "common/models/desa2va/segmenter_impl.h"
#include "common/models/weights/initialise.h"
#include "common/tensor/gradients.h"

namespace desa2va::models {
namespace {

constexpr std::string_view kMaskPrompt =
    "grounding_encoder.sam2_model.sam_prompt_encoder.mask_downscaling.";

void copy_decoder(const NamedTensors& all, std::string_view from, std::string_view to) {
  const tensor::NoGradient no_gradient;
  for (const auto& [name, source] : all) {
    if (!name.starts_with(from)) continue;
    all.at(std::string(to) + name.substr(from.size())).copy_(source);
  }
}

}  // namespace

SamSegmenter::Impl::Impl(const config::ModelConfig& model, ModelParts which)
    : config(model), parts(which) {
  auto encoder = root->register_module("grounding_encoder", std::make_shared<torch::nn::Module>());
  sam = encoder->register_module("sam2_model", std::make_shared<sam2::Sam2Model>(model.sam2));
  if (parts.text_branch) {
    text_decoder = encoder->register_module("text_mask_decoder",
                                            std::make_shared<sam2::MaskDecoder>(model.sam2));
  }
  if (parts.decoupler && model.decoupler.fusion_mode == "gate") {
    auto fusion = root->register_module("fusion", std::make_shared<torch::nn::Module>());
    gate = fusion->register_module("gate", std::make_shared<Linear>(2 * model.sam2.dim, 1));
  }
}

Branch SamSegmenter::Impl::decode(sam2::MaskDecoder& decoder, const EncodedFrames& frames,
                                  const at::Tensor& h, const at::Tensor& frame_index,
                                  const at::Tensor& dense) {
  const auto src = frames.p3 + sam->no_mem_embed.view({1, config.sam2.dim, 1, 1});
  return decode_on(decoder, src, frames, h, frame_index, dense);
}

Branch SamSegmenter::Impl::decode_on(sam2::MaskDecoder& decoder, const at::Tensor& src,
                                     const EncodedFrames& frames, const at::Tensor& h,
                                     const at::Tensor& frame_index, const at::Tensor& dense) {
  auto& prompts = *sam->prompt_encoder;
  sam2::DecoderInput input;
  input.src = src;
  input.p1 = frames.p1;
  input.p2 = frames.p2;
  input.image_pe = prompts.dense_pe();
  input.sparse =
      at::cat({prompts.no_points().expand({h.size(0), 2, config.sam2.dim}), h.unsqueeze(1)}, 1);
  input.dense = dense.defined() ? dense : prompts.no_mask();
  input.frame_index = frame_index;
  Branch branch;
  branch.output = decoder.forward(input);
  branch.selected = decoder.select(branch.output, config.sam2.mask_select == "argmax_iou");
  return branch;
}

at::Tensor SamSegmenter::Impl::mask_prompt(const at::Tensor& fused_logits) {
  const double limit = config.decoupler.reprompt_clamp;
  return sam->prompt_encoder->dense(fused_logits.detach().clamp(-limit, limit).unsqueeze(1));
}

SamSegmenter::SamSegmenter(const config::ModelConfig& config, ModelParts parts)
    : impl_(std::make_unique<Impl>(config, parts)) {}
SamSegmenter::~SamSegmenter() = default;
SamSegmenter::SamSegmenter(SamSegmenter&&) noexcept = default;
SamSegmenter& SamSegmenter::operator=(SamSegmenter&&) noexcept = default;

EncodedFrames SamSegmenter::encode(const at::Tensor& frames, bool with_grad) {
  const std::int64_t size = impl_->config.sam2.image_size;
  TORCH_CHECK(
      frames.dim() == 4 && frames.size(1) == 3 && frames.size(2) == size && frames.size(3) == size,
      "frames are (F, 3, ", size, ", ", size, "), not ", frames.sizes());
  const auto run = [&] {
    const auto output = impl_->sam->image_encoder->forward(sam2::normalize_frames(frames));
    return EncodedFrames{output.levels[0], output.levels[1], output.levels[2]};
  };
  if (with_grad) return run();
  const tensor::NoGradient no_gradient;
  auto encoded = run();
  return {encoded.p1.contiguous(), encoded.p2.contiguous(), encoded.p3.contiguous()};
}

Prompted SamSegmenter::Impl::prompted(const EncodedFrames& frames, const at::Tensor& h_t,
                                      const at::Tensor& h_v, const at::Tensor& frame_index,
                                      bool reprompt) {
  Prompted result;
  Prediction& masks = result.masks;
  result.visual = decode(*sam->mask_decoder, frames, h_v, frame_index, {});
  masks.visual = result.visual.selected.logits;
  masks.iou_visual = result.visual.selected.iou;
  if (!parts.decoupler || !h_t.defined()) return result;
  const auto text = decode(*text_decoder, frames, h_t, frame_index, {});
  masks.text = text.selected.logits;
  masks.iou_text = text.selected.iou;
  FusionInput input{masks.visual,     masks.text,     h_t,           h_v,
                    masks.iou_visual, masks.iou_text, gate_weight(), gate_bias()};
  const auto fused = fuse(input, config.decoupler.fusion_mode);
  masks.fused = fused.logits;
  masks.alpha = fused.alpha;
  if (!reprompt) return result;
  result.visual = decode(*sam->mask_decoder, frames, h_v, frame_index, mask_prompt(masks.fused));
  input.visual_logits = result.visual.selected.logits;
  input.iou_visual = result.visual.selected.iou;
  masks.reprompted = fuse(input, config.decoupler.fusion_mode).logits;
  return result;
}

Prediction SamSegmenter::predict(const EncodedFrames& frames, const at::Tensor& h_t,
                                 const at::Tensor& h_v,
                                 const std::vector<std::int64_t>& frame_index, bool reprompt) {
  const tensor::NoGradient no_gradient;
  const auto frame = index_tensor(frame_index, frames.p3.device());
  return impl_->prompted(frames, h_t, h_v, frame, reprompt).masks;
}

at::Tensor SamSegmenter::predict_real_text(const EncodedFrames& frames, const at::Tensor& h_r,
                                           const std::vector<std::int64_t>& frame_index) {
  TORCH_CHECK(impl_->text_decoder, "this preset has no text decoder");
  const tensor::NoGradient no_gradient;
  const auto frame = index_tensor(frame_index, frames.p3.device());
  return impl_->decode(*impl_->text_decoder, frames, h_r, frame, {}).selected.logits;
}

NamedTensors SamSegmenter::named_parameters() const {
  return named_tensors(*impl_->root, "", /*parameters_only=*/true);
}
NamedTensors SamSegmenter::named_state() const {
  return named_tensors(*impl_->root);
}

void SamSegmenter::initialise(std::uint64_t seed) {
  models::initialise(named_state(), seed, parameters::sam_rules());
  if (impl_->text_decoder) text_decoder_from_visual();
}

std::vector<std::string> SamSegmenter::original_names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named_parameters()) {
    if (name.starts_with(kVisualDecoder) || name.starts_with(kMaskPrompt)) names.push_back(name);
  }
  return names;
}

void SamSegmenter::keep_original(const std::map<std::string, HostTensor>& tensors) {
  Impl& m = *impl_;
  const tensor::NoGradient no_gradient;
  auto original = std::make_shared<sam2::Sam2Model>(*m.sam);  // shares every part
  const auto device = m.sam->no_mem_embed.device();
  const auto& sam = m.config.sam2;
  original->mask_decoder = std::make_shared<sam2::MaskDecoder>(sam);
  original->prompt_encoder = std::make_shared<sam2::PromptEncoder>(sam2::PromptEncoderShape{
      sam.dim, {sam.grid(), sam.grid()}, {sam.image_size, sam.image_size}, sam.mask_in_chans});
  original->mask_decoder->to(device);
  original->prompt_encoder->to(device);
  // The other tensors of the prompt encoder never train.
  const auto prompts = named_tensors(*original->prompt_encoder);
  for (const auto& [name, tensor] : named_tensors(*m.sam->prompt_encoder)) {
    prompts.at(name).copy_(tensor);
  }
  NamedTensors into = named_tensors(*original->mask_decoder, kVisualDecoder);
  for (const auto& [name, tensor] : named_tensors(
           *original->prompt_encoder, "grounding_encoder.sam2_model.sam_prompt_encoder.")) {
    if (name.starts_with(kMaskPrompt)) into.emplace(name, tensor);
  }
  load(into, tensors);
  m.original = std::move(original);
}

void SamSegmenter::to(const std::string& device, at::ScalarType type) {
  impl_->root->to(at::Device(device));
  impl_->sam->image_encoder->to(type);
  impl_->sam->mask_decoder->compute_in(type);
  if (impl_->text_decoder) impl_->text_decoder->compute_in(type);
}

void SamSegmenter::text_decoder_from_visual() {
  copy_decoder(named_parameters(), kVisualDecoder, kTextDecoder);
}
void SamSegmenter::visual_decoder_from_text() {
  copy_decoder(named_parameters(), kTextDecoder, kVisualDecoder);
}

}  // namespace desa2va::models
