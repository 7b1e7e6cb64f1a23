#include <set>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include "common/models/sam2/tracker.h"
#include "common/tensor/gradients.h"
#include "tests/golden/method_support.h"
#include "tests/golden/registry.h"

// SAM-2's memory: its parts, and videos tracked from language, clicks and masks.
namespace desa2va::golden {
namespace {

using models::sam2::Pyramid;
using nlohmann::json;

NamedTensors filled_weights(const Case& c, const torch::nn::Module& module,
                            const std::string& prefix) {
  auto weights = models::named_tensors(module, prefix);
  c.fill_weights(weights);
  return weights;
}

models::sam2::MemoryAttentionShape attention_shape(const json& m) {
  TORCH_CHECK(m.at("activation") == "relu" && m.at("pos_enc_at_input").get<bool>() &&
                  m.at("pos_enc_at_cross_attn_keys").get<bool>() &&
                  !m.at("pos_enc_at_attn").get<bool>() && m.at("downsample_rate") == 1,
              "this memory attention is another one than SAM-2's kind");
  return {m.at("d_model"),   m.at("kv_in_dim"),       m.at("num_layers"),
          m.at("num_heads"), m.at("dim_feedforward"), m.at("rope_theta")};
}

void run_memory_attention(Case& c) {
  const tensor::NoGradient no_gradient;
  const auto& config = c.config().at("memory_attention");
  const auto shape = attention_shape(config);
  models::sam2::MemoryAttention model(shape);
  filled_weights(c, model, "memory_attention.");
  const auto batch_first = [&](const char* x) { return c.input(x).transpose(0, 1); };
  const auto output =
      model.forward(batch_first("curr"), batch_first("curr_pos"), batch_first("memory"),
                    batch_first("memory_pos"), c.config().at("num_obj_ptr_tokens"));
  c.out("output", output.transpose(0, 1));
  const auto& grid = config.at("rope_feat_sizes");
  const auto rope =
      models::sam2::axial_rope(shape.dim / shape.heads, grid.at(0), grid.at(1), shape.rope_theta);
  c.out("rope_cos", rope.cos);
  c.out("rope_sin", rope.sin);
}

void run_memory_encoder(Case& c) {
  const tensor::NoGradient no_gradient;
  const auto& config = c.config();
  const auto& shape = config.at("memory_encoder");
  TORCH_CHECK(config.at("sigmoid_scale_for_mem_enc") == 20.0 &&
                  config.at("sigmoid_bias_for_mem_enc") == -10.0,
              "masks enter the memory scaled by 20 and shifted by -10");
  const std::int64_t dim = shape.at("in_dim"), mem = shape.at("out_dim");
  models::sam2::MemoryEncoder model(dim, mem);
  auto weights = models::named_tensors(model, "memory_encoder.");
  const bool spatial = config.at("no_obj_embed_spatial").get<bool>();
  const auto absent_embed = at::zeros({1, mem});
  if (spatial) weights["no_obj_embed_spatial"] = absent_embed;
  c.fill_weights(weights);
  const bool binarize = config.at("binarize_mask_from_pts_for_mem_enc").get<bool>() &&
                        config.at("is_mask_from_pts").get<bool>();
  auto memory = model.forward(c.input("pix_feat"),
                              models::sam2::memory_mask(c.input("mask_logits"), binarize));
  if (spatial) {
    const auto absent = c.input("object_score_logits").le(0).to(at::kFloat).view({-1, 1, 1, 1});
    memory = memory + absent * absent_embed.view({1, mem, 1, 1});
  }
  c.out("maskmem_features", memory);
  c.out("maskmem_pos_enc", models::sam2::sine_encoding(shape.at("num_pos_feats"), memory.size(2),
                                                       memory.size(3), shape.at("temperature")));
}

void run_obj_ptr(Case& c) {
  const tensor::NoGradient no_gradient;
  const auto& config = c.config();
  const std::int64_t dim = config.at("hidden_dim");
  models::sam2::Mlp projection(dim, dim, dim, 3);
  auto weights = models::named_tensors(projection, "obj_ptr_proj.");
  const auto no_object = at::zeros({1, dim});
  weights["no_obj_ptr"] = no_object;
  c.fill_weights(weights);
  const models::sam2::PointerRules rules{config.at("soft_no_obj_ptr"),
                                         config.at("fixed_no_obj_ptr")};
  const auto score = c.input("object_score_logits");
  auto masks = c.input("low_res_multimasks");
  if (config.at("replace_absent_masks").get<bool>()) {
    masks = models::sam2::blank_absent(masks, score);
  }
  const auto best = at::argmax(c.input("ious"), 1);
  const auto rows = at::arange(best.size(0), best.options());
  const auto low_res = masks.index({rows, best}).unsqueeze(1);
  c.out("low_res_masks", low_res);
  c.out("high_res_masks", models::sam2::enlarge(low_res, config.at("image_size")));
  c.out("obj_ptr",
        models::sam2::mix_pointer(projection.forward(c.input("tokens").index({rows, best})),
                                  models::sam2::presence(score, rules), no_object, rules));
}

void run_obj_ptr_tpos(Case& c) {
  const tensor::NoGradient no_gradient;
  const auto& config = c.config();
  const bool projected = config.at("proj_tpos_enc_in_obj_ptrs").get<bool>();
  const std::int64_t dim = config.at("hidden_dim"), mem = config.at("mem_dim");
  const auto distance = c.input("distance").to(at::kFloat) / config.at("t_diff_max").get<double>();
  const auto sine = models::sam2::sine_of_distance(distance, projected ? dim : mem);
  if (c.expects("sine")) c.out("sine", sine);
  if (!projected) return c.out("pos", sine);
  const models::Linear projection(dim, mem);
  filled_weights(c, projection, "obj_ptr_tpos_proj.");
  c.out("pos", projection.forward(sine));
}

config::SamConfig video_config(const json& c) {
  config::SamConfig sam;
  sam.version = c.at("sam_version");
  sam.image_size = c.at("image_size");
  sam.dim = c.at("hidden_dim");
  sam.hiera = trunk_config(c.at("image_encoder").at("trunk"), c.at("image_encoder").at("neck"));
  const auto& decoder = c.at("mask_decoder");
  sam.decoder_layers = decoder.at("depth");
  sam.decoder_heads = decoder.at("num_heads");
  sam.decoder_mlp_dim = decoder.at("mlp_dim");
  sam.iou_head_depth = decoder.at("iou_head_depth");
  sam.iou_head_hidden_dim = decoder.at("iou_head_hidden_dim");
  sam.mask_in_chans = c.at("prompt_encoder").at("mask_in_chans");
  sam.mem_dim = c.at("mem_dim");
  sam.mem_layers = c.at("memory_attention").at("num_layers");
  sam.mem_mlp_dim = c.at("memory_attention").at("dim_feedforward");
  sam.num_maskmem = c.at("num_maskmem");
  const bool newer = sam.version == "2.1";
  for (const char* option : {"no_obj_embed_spatial", "add_tpos_enc_to_obj_ptrs",
                             "proj_tpos_enc_in_obj_ptrs", "use_signed_tpos_enc_to_obj_ptrs"}) {
    TORCH_CHECK(c.at(option) == newer, option, " does not fit SAM ", sam.version);
  }
  return sam;
}

models::sam2::TrackerOptions track_options(const json& c) {
  models::sam2::TrackerOptions options;
  options.memory = {c.at("num_maskmem"), c.at("max_cond_frames_in_attn"),
                    c.at("memory_temporal_stride_for_eval"), c.at("max_obj_ptrs_in_encoder"),
                    c.at("only_obj_ptrs_in_the_past_for_eval")};
  options.pointer = {c.at("soft_no_obj_ptr"), c.at("fixed_no_obj_ptr")};
  options.binarize_prompted = c.at("binarize_mask_from_pts_for_mem_enc");
  options.blank_absent = c.at("replace_absent_masks");
  options.bf16_memory = c.at("memory_dtype") == "bfloat16";
  return options;
}

// What a case asks of each frame.
class TrackReport {
 public:
  TrackReport(Case& c, std::int64_t num_frames) : c_(c), image_size_(c.config().at("image_size")) {
    rows_.resize(static_cast<std::size_t>(num_frames));
    memory_tokens_.resize(rows_.size());
    pointer_tokens_.resize(rows_.size());
    for (const auto& frame : c.config().at("dump_frames"))
      dumped_.insert(frame.get<std::int64_t>());
  }

  void add(std::int64_t frame, const models::sam2::TrackedFrame& output,
           const models::sam2::MemoryInput* memory) {
    const auto index = static_cast<std::size_t>(frame);
    rows_[index] = output;
    memory_tokens_[index] = memory == nullptr ? 0 : memory->memory.size(1);
    pointer_tokens_[index] = memory == nullptr ? 0 : memory->pointer_tokens;
    if (!dumped_.contains(frame)) return;
    dump("maskmem_features_", frame, output.memory.to(at::kFloat));
    dump("video_masks_", frame, models::sam2::enlarge(output.low_res, image_size_));
    if (memory == nullptr) return;
    dump("memory_", frame, memory->memory.transpose(0, 1));
    dump("memory_pos_", frame, memory->position.transpose(0, 1));
    dump("fused_", frame, memory->fused.transpose(0, 1));
  }

  void finish() {
    const auto column = [&](at::Tensor models::sam2::TrackedFrame::*member) {
      std::vector<at::Tensor> values;
      for (const auto& row : rows_) values.push_back(row.*member);
      return at::cat(values, 0);
    };
    c_.out("low_res_masks", column(&models::sam2::TrackedFrame::low_res));
    c_.out("object_score_logits", column(&models::sam2::TrackedFrame::object_score));
    c_.out("obj_ptr", column(&models::sam2::TrackedFrame::pointer));
    c_.out("ious", column(&models::sam2::TrackedFrame::ious));
    c_.out("best_index", column(&models::sam2::TrackedFrame::best));
    c_.out("num_memory_tokens", to_tensor(memory_tokens_));
    c_.out("num_obj_ptr_tokens", to_tensor(pointer_tokens_));
  }

 private:
  void dump(const std::string& name, std::int64_t frame, const at::Tensor& value) {
    const auto x = name + std::to_string(frame);
    if (c_.expects(x)) c_.out(x, value);
  }

  Case& c_;
  std::int64_t image_size_;
  std::vector<models::sam2::TrackedFrame> rows_;
  std::vector<std::int64_t> memory_tokens_, pointer_tokens_;
  std::set<std::int64_t> dumped_;
};

void run_track(Case& c) {
  const tensor::NoGradient no_gradient;
  const auto& config = c.config();
  const auto sam = video_config(config);
  models::sam2::Sam2Model model(sam);
  filled_weights(c, model, "");
  const auto images = c.input("images");
  const std::int64_t frames = images.size(0);
  std::vector<Pyramid> pyramids;
  for (std::int64_t i = 0; i < frames; ++i) {
    pyramids.push_back(model.image_encoder->forward(images.slice(0, i, i + 1)).levels);
  }
  models::sam2::Tracker tracker(model, sam, track_options(config), frames, [&](std::int64_t i) {
    return pyramids.at(static_cast<std::size_t>(i));
  });

  std::set<std::int64_t> prompted;
  for (const auto& prompt : config.at("prompts")) {
    const std::int64_t frame = prompt.at("frame");
    prompted.insert(frame);
    if (prompt.at("type") == "language") {
      tracker.prompt_vector(frame, c.input("language").squeeze(1));
    } else if (prompt.at("type") == "points") {
      tracker.prompt_points(frame, c.input("points"), c.input("labels"));
    } else {
      tracker.prompt_mask(frame, c.input("mask").unsqueeze(0));
    }
  }
  tracker.encode_prompted();

  TrackReport report(c, frames);
  const auto visit = [&](std::int64_t frame, bool reverse) {
    const auto& output = tracker.track(frame, reverse);
    report.add(frame, output, prompted.contains(frame) ? nullptr : &tracker.last_memory());
  };
  const auto& start_key = config.at("start_frame_idx");
  const std::int64_t start =
      start_key.is_null() ? *prompted.begin() : start_key.get<std::int64_t>();
  for (const auto& direction : config.at("propagate")) {
    if (direction == "forward") {
      for (std::int64_t frame = start; frame < frames; ++frame) visit(frame, false);
    } else {
      for (std::int64_t frame = start; frame >= 0; --frame) visit(frame, true);
    }
  }
  report.finish();
}

void run_sam2_full(Case& c) {
  if (c.config().at("kind") == "track") return run_track(c);
  const tensor::NoGradient no_gradient;
  const auto& encoder = c.config().at("image_encoder");
  models::sam2::ImageEncoder model(trunk_config(encoder.at("trunk"), encoder.at("neck")),
                                   encoder.at("neck").at("d_model"));
  filled_weights(c, model, "image_encoder.");
  const auto levels = model.forward(c.input("image")).levels;
  c.out("p1", levels[0]);
  c.out("p2", levels[1]);
  c.out("p3", levels[2]);
}

}  // namespace

void add_memory_cases(Registry& registry) {
  registry.module("memory_attention", run_memory_attention);
  registry.module("memory_encoder", run_memory_encoder);
  registry.module("obj_ptr", run_obj_ptr);
  registry.module("obj_ptr_tpos", run_obj_ptr_tpos);
  registry.module("track", run_track);
  registry.module("sam2_full", run_sam2_full);
}

}  // namespace desa2va::golden
