#include <map>

#include <ATen/Functions.h>

#include "common/models/desa2va/fusion.h"
#include "common/models/desa2va/mask_losses.h"
#include "common/models/desa2va/ortho.h"
#include "common/models/desa2va/segmenter.h"
#include "common/models/desa2va/segmenter_impl.h"
#include "common/tensor/gradients.h"

// The training side of SamSegmenter: from features and prompts to the losses of a microbatch.
namespace desa2va::models {

DistinctEntries distinct(const DecoderEntries& entries) {
  DistinctEntries result;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> rows;
  for (std::size_t i = 0; i < entries.frame_index.size(); ++i) {
    const auto [row, added] =
        rows.try_emplace({entries.frame_index[i], entries.prompt_index[i]},
                         static_cast<std::int64_t>(result.prompt_index.size()));
    if (added) {
      result.prompt_index.push_back(entries.prompt_index[i]);
      result.frame_index.push_back(entries.frame_index[i]);
    }
    result.entry_row.push_back(row->second);
  }
  return result;
}

at::Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device) {
  return at::tensor(values, at::TensorOptions().dtype(at::kLong)).to(device);
}

namespace {

// Collects the losses of the branches; names are `mask_<branch>` and so on.
class LossSum {
 public:
  LossSum(MaskLosses& losses, const config::LossConfig& config)
      : losses_(losses), config_(config) {}

  // logits, targets: (N, H, W) of one branch's entries; adds weight * (mask + dice).
  void add_masks(const std::string& branch, const at::Tensor& logits, const at::Tensor& targets,
                 const PointDraws& points, double weight) {
    const auto loss = mask_loss(logits, targets, points, config_);
    note("mask_" + branch, loss.mask);
    note("dice_" + branch, loss.dice);
    add(loss.mask + loss.dice, weight);
  }

  // The IoU head's regression, where it is on. `rows`: the entries' rows of the branch.
  void add_iou(const std::string& branch, const sam2::MaskDecoder& decoder,
               const sam2::DecoderOutput& output, const at::Tensor& rows, const at::Tensor& targets,
               double weight) {
    if (config_.iou_weight == 0 || rows.size(0) == 0) return;
    at::Tensor masks;
    {
      const tensor::NoGradient no_gradient;
      masks = decoder.all_masks(output).slice(1, 1, 4).index_select(0, rows);
    }
    const auto loss =
        iou_head_loss(output.iou.slice(1, 1, 4).index_select(0, rows), masks, targets);
    note("iou_" + branch, loss);
    add(loss, weight * config_.iou_weight);
  }

  void add(const at::Tensor& term, double weight) {
    if (weight == 0) return;
    const auto weighted = term * weight;
    losses_.total = losses_.total.defined() ? losses_.total + weighted : weighted;
  }
  void note(const std::string& name, const at::Tensor& value) {
    losses_.values[name] = value.item<double>();
  }

 private:
  MaskLosses& losses_;
  const config::LossConfig& config_;
};

PointDraws draw(const PointSource& points, const config::LossConfig& loss, std::string_view branch,
                std::int64_t entries) {
  return loss.sample_points ? points(branch, entries) : PointDraws{};
}

// First distinct row of each prompt: feature losses use every [SEG] once.
std::vector<std::int64_t> first_rows(const std::vector<std::int64_t>& prompt_index) {
  std::map<std::int64_t, std::int64_t> first;
  for (std::size_t row = 0; row < prompt_index.size(); ++row) {
    first.try_emplace(prompt_index[row], static_cast<std::int64_t>(row));
  }
  std::vector<std::int64_t> rows;
  rows.reserve(first.size());
  for (const auto& [prompt, row] : first) rows.push_back(row);
  return rows;
}

}  // namespace

PhaseAResult SamSegmenter::phase_a(const PhaseAInput& input, const PointSource& points) {
  auto& m = *impl_;
  TORCH_CHECK(m.text_decoder, "phase A trains the text decoder, which this preset does not have");
  PhaseAResult result;
  const auto objects = static_cast<std::int64_t>(input.object_frame.size());
  if (objects == 0) return result;
  const auto device = input.frames.p3.device();
  const auto h = input.h_r.index_select(0, index_tensor(input.object_text, device));
  const auto frame = index_tensor(input.object_frame, device);
  const auto branch = m.decode(*m.text_decoder, input.frames, h, frame, {});

  LossSum sum(result.losses, m.config.loss);
  sum.add_masks("text", branch.selected.logits, input.targets,
                draw(points, m.config.loss, "text", objects), 1);
  sum.add_iou("text", *m.text_decoder, branch.output, at::arange(objects, frame.options()),
              input.targets, 1);
  result.logits = branch.selected.logits.detach();
  const auto best = branch.selected.best.cpu();
  result.best.assign(best.data_ptr<std::int64_t>(), best.data_ptr<std::int64_t>() + objects);
  return result;
}

JointResult SamSegmenter::joint(const JointInput& input, const JointOptions& options,
                                const PointSource& points) {
  auto& m = *impl_;
  const auto& loss = m.config.loss;
  const auto& method = m.config.decoupler;
  const auto device = input.frames.p3.device();
  JointResult result;
  const std::int64_t entries = input.entries.size();
  const auto grid = at::upsample_nearest2d(input.targets.unsqueeze(1),
                                           {m.config.sam2.grid(), m.config.sam2.grid()});
  result.v_ref = pool_under_masks(input.frames.p3, grid.squeeze(1), input.samples);
  if (entries == 0) return result;

  const auto rows = distinct(input.entries);
  const auto prompt = index_tensor(rows.prompt_index, device);
  const auto frame = index_tensor(rows.frame_index, device);
  const auto entry_row = index_tensor(rows.entry_row, device);
  const auto targets =
      input.targets.index_select(0, index_tensor(input.entries.mask_index, device));
  const auto per_entry = [&](const at::Tensor& x) {
    return rows.repeats() ? x.index_select(0, entry_row) : x;
  };
  const auto keep_logits = [&](const std::string& name, const at::Tensor& x) {
    if (options.keep_logits) result.logits[name] = per_entry(x.detach());
  };
  LossSum sum(result.losses, loss);

  // 1. The visual branch, against the ground truth.
  const bool fuses =
      m.parts.decoupler && options.phase == Phase::C && method.fusion_mode != "visual";
  const bool second_pass = fuses && options.reprompt;
  const double w_visual = second_pass ? loss.w_visual / 2 : loss.w_visual;
  const auto h_v = input.h_v.index_select(0, prompt);
  const auto visual = m.decode(*m.sam->mask_decoder, input.frames, h_v, frame, {});
  sum.add_masks("visual", per_entry(visual.selected.logits), targets,
                draw(points, loss, "visual", entries), w_visual);
  sum.add_iou("visual", *m.sam->mask_decoder, visual.output, entry_row, targets, w_visual);
  keep_logits("visual_logits", visual.selected.logits);
  keep_logits("visual_best", visual.selected.best);
  if (!m.parts.decoupler) return result;

  // 2. The text branch, against what its frozen decoder makes of the real text.
  const auto h_t = input.h_t.index_select(0, prompt);
  const auto text = m.decode(*m.text_decoder, input.frames, h_t, frame, {});
  at::Tensor label_logits;
  {
    const tensor::NoGradient no_gradient;
    const auto h_r = input.h_r.index_select(0, prompt);
    label_logits = m.decode(*m.text_decoder, input.frames, h_r, frame, {}).selected.logits;
  }
  const auto label = label_mask(per_entry(label_logits), targets,
                                method.label_mask_target == "soft", method.label_mask_min_area);
  const auto kept = at::nonzero(label.keep).squeeze(1);
  result.labels_kept = kept.size(0);
  auto text_points = draw(points, loss, "text", entries);
  if (loss.sample_points) {
    text_points = {text_points.uncertainty.index_select(0, kept.cpu()),
                   text_points.fresh.index_select(0, kept.cpu())};
  }
  const auto text_rows = entry_row.index_select(0, kept);
  const auto text_targets = label.target.index_select(0, kept);
  sum.add_masks("text", text.selected.logits.index_select(0, text_rows), text_targets, text_points,
                loss.w_text);
  sum.add_iou("text", *m.text_decoder, text.output, text_rows, text_targets, loss.w_text);
  keep_logits("text_logits", text.selected.logits);
  keep_logits("text_best", text.selected.best);
  keep_logits("label_logits", label_logits);
  if (options.keep_logits) {
    result.logits["label_mask"] = label.target;
    result.logits["label_keep"] = label.keep;
  }
  if (method.ortho_features != "prompt") {
    const auto once = index_tensor(first_rows(rows.prompt_index), device);
    const bool token = method.ortho_features == "mask_token";
    const auto feature = [&](const Branch& branch) {
      return token ? branch.selected.token.index_select(0, once)
                   : mask_features(branch.selected.logits.index_select(0, once));
    };
    const auto ortho = ortho_loss(feature(text), feature(visual), method.ortho_form);
    sum.note("ortho", ortho);
    sum.add(ortho, method.ortho_weight);
  }
  if (!fuses) return result;

  // 3. Fusion, and the second look at the fused mask.
  FusionInput fusion{
      visual.selected.logits, text.selected.logits, h_t,          h_v, visual.selected.iou,
      text.selected.iou,      m.gate_weight(),      m.gate_bias()};
  auto fused = fuse(fusion, method.fusion_mode);
  result.alpha = fused.alpha.mean().item<double>();
  keep_logits("alpha", fused.alpha);
  keep_logits("fused_logits", fused.logits);
  if (second_pass) {
    const auto again =
        m.decode(*m.sam->mask_decoder, input.frames, h_v, frame, m.mask_prompt(fused.logits));
    sum.add_masks("visual_reprompt", per_entry(again.selected.logits), targets,
                  draw(points, loss, "visual_reprompt", entries), w_visual);
    sum.add_iou("visual_reprompt", *m.sam->mask_decoder, again.output, entry_row, targets,
                w_visual);
    fusion.visual_logits = again.selected.logits;
    fusion.iou_visual = again.selected.iou;
    fused = fuse(fusion, method.fusion_mode);
    keep_logits("visual_reprompt_logits", again.selected.logits);
    keep_logits("visual_reprompt_best", again.selected.best);
    keep_logits("fused_reprompt_logits", fused.logits);
  }
  sum.add_masks("fused", per_entry(fused.logits), targets, draw(points, loss, "fused", entries),
                loss.w_fused);
  return result;
}

}  // namespace desa2va::models
