#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "common/models/desa2va/decoupler.h"
#include "common/models/desa2va/segmenter.h"
#include "common/models/mllm/mllm.h"
#include "common/parameters/inventory.h"
#include "common/tensor/gradients.h"
#include "common/training/optim/adamw.h"
#include "common/training/optim/norm.h"
#include "tests/golden/method_support.h"

// A whole training step, cut where the services are cut: language model, decoupler, segmenter.
namespace desa2va::golden {
namespace {

using nlohmann::json;

config::ModelConfig step_config(const json& c) {
  config::ModelConfig model;
  const auto& vit = c.at("vit");
  model.vit.image_size = vit.at("image");
  model.vit.patch_size = vit.at("patch");
  model.vit.hidden_size = vit.at("hidden");
  model.vit.num_hidden_layers = vit.at("layers");
  model.vit.num_attention_heads = vit.at("heads");
  model.vit.intermediate_size = vit.at("mlp");
  model.vit.layer_norm_eps = vit.at("eps");
  const auto& llm = c.at("llm");
  model.llm.vocab_size = llm.at("vocab");
  model.llm.hidden_size = llm.at("hidden");
  model.llm.num_hidden_layers = llm.at("layers");
  model.llm.num_attention_heads = llm.at("heads");
  model.llm.num_key_value_heads = llm.at("kv_heads");
  model.llm.intermediate_size = llm.at("intermediate");
  model.llm.rope_theta = llm.at("rope_theta");
  model.llm.rms_norm_eps = llm.at("rms_eps");
  model.llm.lora = {llm.at("lora_r"), llm.at("lora_alpha"), 0};
  model.sam2 = sam_config(c.at("sam"));
  model.sam2.fixed_objects = c.at("fixed_objects");
  model.loss = loss_config(c.at("loss"));
  auto& method = model.decoupler;
  method.adv.hidden = c.at("disc_hidden").get<std::vector<std::int64_t>>();
  method.adv.objective = c.at("adv").at("objective");
  method.adv.weight = c.at("adv").at("weight");
  method.club = club_config(c.at("club"));
  method.ortho_weight = c.at("ortho_weight");
  method.fusion_mode = c.at("fusion_mode");
  method.label_mask_min_area = c.at("label_mask_min_area");
  method.reprompt_clamp = c.at("reprompt").at("clamp");
  return model;
}

// The three roles' models and the step that goes through them.
class Step {
 public:
  explicit Step(Case& c)
      : c_(c),
        phase_(c.config().at("phase").get<std::string>()),
        config_(step_config(c.config())),
        parts_(models::ModelParts::of(phase_ == "baseline" ? "baseline" : "desa2va")),
        mllm_(config_.vit, config_.llm,
              {c.config()["llm"].at("img_context_id"), c.config()["llm"].at("seg_id")}),
        decoupler_(config_, parts_),
        segmenter_(config_, parts_) {
    accumulation_ = c.config().at("accumulation");
  }

  void run() {
    load();
    for (int i = 0; i < accumulation_; ++i) {
      prefix_ = accumulation_ > 1 ? "mb" + std::to_string(i) + "." : "";
      if (phase_ == "A") {
        microbatch_a();
      } else {
        microbatch();
      }
    }
    update();
  }

 private:
  at::Tensor input(const std::string& x) const { return c_.input(prefix_ + x); }
  bool has_input(const std::string& x) const { return c_.has_input(prefix_ + x); }
  void out(const std::string& x, const at::Tensor& value) {
    if (value.defined() && c_.expects(prefix_ + x)) c_.out(prefix_ + x, value);
  }
  void out(const std::string& x, double value) { out(x, at::tensor(value, at::kDouble)); }
  void out(const models::MaskLosses& losses) {
    for (const auto& [name, value] : losses.values) {  // mask_text -> loss.text.mask
      const auto cut = name.find('_');
      out("loss." + name.substr(cut + 1) + "." + name.substr(0, cut), value);
    }
  }

  // What the phase trains; in the decoders that includes the heads that no loss reaches.
  std::set<std::string> trained() const {
    std::set<std::string> names;
    for (const auto& [name, tensor] : all_) {
      if (phase_ == "A" || !name.starts_with("mllm.")) continue;
      for (const char* part : {".mlp1.", ".lora_", "embed_tokens.weight", "lm_head.weight"}) {
        if (name.find(part) != std::string::npos) names.insert(name);
      }
    }
    std::vector<std::string> prefixes;
    if (phase_ == "A") {
      prefixes = {"decoupler.linear_real_text.", "grounding_encoder.text_mask_decoder."};
    } else {
      prefixes = {"text_hidden_fcs.", "decoupler.linear_text.", "decoupler.linear_vision.",
                  "grounding_encoder.sam2_model.sam_mask_decoder."};
      const auto& reprompt = c_.config().at("reprompt");
      if (phase_ == "C") prefixes.emplace_back("fusion.gate.");
      if (reprompt.at("active").get<bool>() && reprompt.at("train_mask_encoder").get<bool>()) {
        prefixes.emplace_back("grounding_encoder.sam2_model.sam_prompt_encoder.mask_downscaling.");
      }
    }
    for (const auto& [name, tensor] : all_) {
      for (const auto& prefix : prefixes) {
        if (name.starts_with(prefix)) names.insert(name);
      }
    }
    return names;
  }
  static bool is_silent_head(const std::string& name) {
    return name.find(".iou_prediction_head.") != std::string::npos ||
           name.find(".pred_obj_score_head.") != std::string::npos;
  }

  void load() {
    all_ = mllm_.named_tensors();
    all_.merge(decoupler_.named_parameters());
    all_.merge(segmenter_.named_state());
    c_.fill_weights(all_);
    trained_ = trained();
    models::enable_gradients(all_, trained_);
  }

  models::PointSource stored_points() const {
    return [this](std::string_view branch, std::int64_t) {
      const std::string b(branch);
      return models::PointDraws{input("points_uncertainty." + b), input("points_fresh." + b)};
    };
  }
  at::Tensor real_text() {
    const auto x = mllm_.real_text(input("real_text_ids"), input("real_text_mask").sum(1),
                                   models::RealTextSource::LlmText);
    out("x_real", x);
    return x;
  }

  void microbatch_a() {
    const auto prompts = decoupler_.forward({}, real_text());
    out("h_r", prompts.h_r);
    models::PhaseAInput in;
    in.frames = segmenter_.encode(input("sam_images"), /*with_grad=*/false);
    in.h_r = prompts.h_r.detach().requires_grad_(true);
    in.object_frame = to_longs(input("object_frame"));
    in.object_text = to_longs(input("object_text"));
    in.targets = models::resize_masks(input("masks.0"), config_.sam2.mask_size());
    const auto result = segmenter_.phase_a(in, stored_points());
    out(result.losses);
    out("loss.total", result.losses.total);
    out("text_logits", result.logits);
    out("text_best", to_tensor(result.best));
    (result.losses.total / accumulation_).backward();
    out("grad.h_r", in.h_r.grad());
    (prompts.h_r * in.h_r.grad()).sum().backward();
  }

  models::MllmInput language_input() const {
    models::MllmInput in;
    in.ids = input("input_ids");
    in.labels = input("labels");
    in.lengths = input("attention_mask").sum(1);
    in.tiles = input("pixel_values");
    const auto image_tokens =
        to_longs(in.ids.eq(c_.config()["llm"].at("img_context_id").get<std::int64_t>()).sum(1));
    for (const auto tokens : image_tokens) {  // a sample without image brings one zero tile
      in.tiles_per_sample.push_back(
          std::max<std::int64_t>(1, tokens / config_.vit.tokens_per_tile()));
    }
    return in;
  }

  // Only samples with SAM frames, which are those with [SEG] tokens, in batch order.
  std::vector<models::SampleCounts> sample_counts(const std::vector<std::int64_t>& seg_sample,
                                                  at::Tensor& targets) const {
    std::map<std::int64_t, std::int64_t> prompts;
    for (const auto sample : seg_sample) ++prompts[sample];
    const auto frames = to_longs(input("frames_per_sample"));
    std::vector<models::SampleCounts> samples;
    std::vector<at::Tensor> masks;
    for (const auto& [sample, count] : prompts) {
      const auto i = samples.size();
      const auto stored = input("masks." + std::to_string(i));
      samples.push_back({count, stored.size(0) / frames.at(i), frames.at(i)});
      masks.push_back(models::resize_masks(stored, config_.sam2.mask_size()));
    }
    targets = at::cat(masks, 0);
    return samples;
  }

  void microbatch() {
    const auto language = mllm_.forward(language_input(), {});
    out("loss.llm", language.loss);
    out("seg_hidden", language.seg_hidden);
    if (language.seg_hidden.size(0) == 0) return microbatch_without_objects(language);

    const auto seg = language.seg_hidden.detach().requires_grad_(true);
    const auto x_real = parts_.decoupler ? real_text() : at::Tensor();
    const auto prompts = decoupler_.forward(seg, x_real);
    out("z", prompts.z);
    out("h_t", prompts.h_t);
    out("h_v", prompts.h_v);
    out("h_r", prompts.h_r);

    models::JointInput in;
    in.frames = segmenter_.encode(input("sam_images"), /*with_grad=*/false);
    in.samples = sample_counts(language.seg_sample, in.targets);
    const auto draws =
        has_input("permutations") ? stored_draws(input("permutations")) : models::DrawObjects();
    in.entries = models::fix_objects(in.samples, config_.sam2.fixed_objects, draws);
    const auto cut = [](const at::Tensor& x) {
      return x.defined() ? x.detach().requires_grad_(true) : x;
    };
    in.h_v = cut(parts_.decoupler ? prompts.h_v : prompts.z);
    in.h_t = cut(prompts.h_t);
    if (prompts.h_r.defined()) in.h_r = prompts.h_r.detach();
    models::JointOptions options;
    options.phase = phase_ == "B" ? Phase::B : Phase::C;
    options.reprompt = c_.config().at("reprompt").at("active");
    options.keep_logits = true;
    const auto joint = segmenter_.joint(in, options, stored_points());
    out("prompt_index", to_tensor(in.entries.prompt_index));
    out("mask_index", to_tensor(in.entries.mask_index));
    out("frame_index", to_tensor(in.entries.frame_index));
    out("v_ref", joint.v_ref);
    for (const auto& [name, value] : joint.logits) {
      out(name, value.scalar_type() == at::kBool ? value.to(at::kLong) : value);
    }
    out(joint.losses);
    (joint.losses.total / accumulation_).backward();
    out("grad.h_v", in.h_v.grad());
    if (in.h_t.defined()) out("grad.h_t", in.h_t.grad());

    auto total = language.loss + joint.losses.total;
    total = total.detach() + feature_step(prompts, in, joint.v_ref);
    out("loss.total", total);
    out("grad.seg_hidden", seg.grad());
    (language.loss / accumulation_ + (language.seg_hidden * seg.grad()).sum()).backward();
  }

  // Backward through the decoupler into the [SEG] states; returns the weighted feature losses.
  at::Tensor feature_step(const models::Prompts& prompts, const models::JointInput& in,
                          const at::Tensor& v_ref) {
    if (!parts_.decoupler) {
      (prompts.z * in.h_v.grad()).sum().backward();
      return at::zeros_like(in.h_v.sum().detach());
    }
    models::FeatureContext context;
    context.v_ref = v_ref;
    context.fifo_t = input("fifo_t");
    context.fifo_v = input("fifo_v");
    context.grl_lambda = c_.config().at("adv").at("grl_lambda");
    const auto features = decoupler_.feature_losses(prompts, context);
    for (const auto& [name, value] : features.values) out("loss." + name, value);
    const auto share = features.total / accumulation_;
    const auto own = tensor::gradients({share}, {at::ones_like(share)}, {prompts.h_t, prompts.h_v},
                                       /*keep_graph=*/true);
    out("grad_total.h_t", own[0] + in.h_t.grad());
    out("grad_total.h_v", own[1] + in.h_v.grad());
    (share + (prompts.h_t * in.h_t.grad()).sum() + (prompts.h_v * in.h_v.grad()).sum()).backward();
    return features.total.detach();
  }

  // A microbatch without [SEG]: the mask branch is skipped. The reference runs it on zero images
  // and multiplies by zero, so its cuts and losses are zeros of the shapes it made up.
  void microbatch_without_objects(const models::MllmOutput& language) {
    for (const auto& [name, tensor] : c_.tensors()) {
      const auto x = name.starts_with("out/" + prefix_) ? name.substr(4 + prefix_.size()) : "";
      const bool mask_loss = x.starts_with("loss.") && x != "loss.llm" && x != "loss.total";
      if (x.starts_with("grad.") || x.starts_with("grad_total.") || mask_loss) {
        out(x, at::zeros_like(c_.stored(name)));
      }
    }
    out("loss.total", language.loss);
    (language.loss / accumulation_).backward();
  }

  // What can have a gradient in this phase starts an update as zeros; then one clipped AdamW step.
  void update() {
    NamedTensors parameters, gradients;
    for (const auto& name : trained_) {
      auto gradient = all_.at(name).grad();
      if (!gradient.defined() && !is_silent_head(name)) gradient = at::zeros_like(all_.at(name));
      if (!gradient.defined()) continue;
      parameters[name] = all_.at(name);
      gradients[name] = gradient;
    }
    c_.gradients({}, gradients);
    const double norm = training::global_norm(training::squared_norms(gradients));
    c_.out("grad_norm", at::tensor(norm, at::kDouble));
    const auto& optim = c_.config().at("optim");
    training::AdamW optimizer({optim.at("betas").at(0), optim.at("betas").at(1), optim.at("eps"),
                               optim.at("weight_decay")});
    optimizer.step(parameters, gradients, optim.at("lr"),
                   training::clip_factor(norm, optim.at("clip")));
    for (const auto& name : c_.config().at("updated").get<std::vector<std::string>>()) {
      c_.out("updated." + name, all_.at(name));
    }
  }

  Case& c_;
  std::string phase_;
  config::ModelConfig config_;
  models::ModelParts parts_;
  models::Mllm mllm_;
  models::DecouplerModel decoupler_;
  models::SamSegmenter segmenter_;
  NamedTensors all_;
  std::set<std::string> trained_;
  std::string prefix_;
  int accumulation_ = 1;
};

}  // namespace

void run_step(Case& c) {
  Step(c).run();
}

}  // namespace desa2va::golden
