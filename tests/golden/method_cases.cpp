#include <cmath>
#include <numbers>
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/tensor.h>

#include "common/models/desa2va/adversarial.h"
#include "common/models/desa2va/club.h"
#include "common/models/desa2va/decoupler.h"
#include "common/models/desa2va/fusion.h"
#include "common/models/desa2va/mask_losses.h"
#include "common/models/desa2va/ortho.h"
#include "common/models/desa2va/references.h"
#include "common/models/sam2/sam2_model.h"
#include "common/tensor/gradients.h"
#include "common/training/optim/adamw.h"
#include "common/training/optim/norm.h"
#include "tests/golden/method_support.h"
#include "tests/golden/registry.h"

// The modules of the method, one by one.
namespace desa2va::golden {
namespace {

using models::Estimator;
using nlohmann::json;

NamedTensors prefixed(const torch::nn::Module& module, const std::string& prefix) {
  return models::named_tensors(module, prefix);
}

void run_losses(Case& c) {
  const auto& config = c.config();
  const auto loss = loss_config(config.at("loss"));
  models::PointDraws points;
  if (loss.sample_points) {
    points = {c.input("points_uncertainty"), c.input("points_fresh")};
  }
  NamedTensors inputs;
  models::MaskLoss result;
  if (config.at("op") == "mask_loss") {
    inputs["logits"] = c.leaf("logits");
    result = models::mask_loss(inputs["logits"], c.input("targets"), points, loss);
    if (loss.sample_points) {
      c.out("selected_index", result.selected_index);
      c.out("sampled_logits", result.sampled_logits);
      c.out("sampled_targets", result.sampled_targets);
    }
  } else {
    inputs["text_logits"] = c.leaf("text_logits");
    const auto label = models::label_mask(c.input("label_logits"), c.input("gt").to(at::kFloat),
                                          config.at("label_mask_target") == "soft",
                                          config.at("label_mask_min_area"));
    c.out("label_mask", c.input("label_logits").gt(0));  // always the hard mask
    c.out("keep", label.keep.to(at::kLong));
    const auto kept = at::nonzero(label.keep).squeeze(1);
    if (loss.sample_points) {
      points = {points.uncertainty.index_select(0, kept), points.fresh.index_select(0, kept)};
    }
    result = models::mask_loss(inputs["text_logits"].index_select(0, kept),
                               label.target.index_select(0, kept), points, loss);
  }
  c.out("loss_mask", result.mask);
  c.out("loss_dice", result.dice);
  c.out("loss_total", result.mask + result.dice);
  c.backward(c.objective(), inputs, {});
}

void run_fixed_objects(Case& c) {
  const auto prompts = to_longs(c.input("seg_counts"));
  const auto objects = to_longs(c.input("mask_counts"));
  const auto frames = to_longs(c.input("frames_per_sample"));
  std::vector<models::SampleCounts> samples;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    samples.push_back({prompts[i], objects[i], frames[i]});
  }
  const auto draws =
      c.has_input("permutations") ? stored_draws(c.input("permutations")) : models::DrawObjects();
  const auto entries = models::fix_objects(samples, c.config().at("fixed_objects"), draws);
  c.out("prompt_index", to_tensor(entries.prompt_index));
  c.out("mask_index", to_tensor(entries.mask_index));
  c.out("frame_index", to_tensor(entries.frame_index));
}

void run_club(Case& c) {
  const auto& config = c.config();
  models::Club club(config.at("dim_x"), config.at("dim_y"), club_config(config));
  const auto weights = prefixed(club, "club.");
  c.fill_weights(weights);
  ask_gradients(weights);
  if (config.at("op") == "fit") {
    const auto loss = club.fit_loss(c.input("x"), c.input("y"));
    c.out("learning_loss", loss);
    if (c.expects("public_learning_loss")) {
      const auto dim = config.at("dim_y").get<double>();
      c.out("public_learning_loss", 2 * loss - dim * std::log(2 * std::numbers::pi));
    }
    c.backward(c.objective(), {}, weights);
    return;
  }
  const NamedTensors inputs{{"x", c.leaf("x")}, {"y", c.leaf("y")}};
  const auto fifo = c.has_input("fifo_y") ? c.input("fifo_y") : at::Tensor();
  const auto estimate = club.mi(inputs.at("x"), inputs.at("y"), fifo, Estimator::Frozen);
  c.out("log_q", estimate.log_q);
  c.out("mi_raw", estimate.raw);
  c.out("mi", estimate.value);
  c.backward(c.objective(), inputs, weights);
}

void run_mask_pool(Case& c) {
  const auto p3 = c.input("p3");
  std::vector<models::SampleCounts> samples;
  std::vector<at::Tensor> masks;
  for (const auto frames : to_longs(c.input("frames_per_sample"))) {
    const auto stored = c.input("masks." + std::to_string(samples.size()));
    const std::int64_t objects = stored.size(0) / frames;
    samples.push_back({objects, objects, frames});
    masks.push_back(models::resize_masks(stored, p3.size(2)));
  }
  c.out("v_ref", models::pool_under_masks(p3, at::cat(masks, 0), samples));
}

void run_adversarial(Case& c) {
  const auto& config = c.config();
  if (config.at("op") == "mask_pool") return run_mask_pool(c);
  if (config.at("op") == "schedule") {
    const auto progress = c.input("progress");
    std::vector<double> values;
    for (std::int64_t i = 0; i < progress.numel(); ++i) {
      values.push_back(models::grl_lambda({}, progress[i].item<double>()));
    }
    return c.out("lambda", at::tensor(values, at::kDouble));
  }
  const auto hidden = config.at("hidden").get<std::vector<std::int64_t>>();
  const models::Discriminator text(config.at("dim"), hidden, config.at("leaky_slope"));
  const models::Discriminator vision(config.at("dim"), hidden, config.at("leaky_slope"));
  auto weights = prefixed(text, "disc_text.");
  weights.merge(prefixed(vision, "disc_vision."));
  c.fill_weights(weights);
  ask_gradients(weights);
  const NamedTensors inputs{{"h_t", c.leaf("h_t")}, {"h_v", c.leaf("h_v")}};
  const double lambda = config.at("grl_lambda");
  const auto loss = models::adversarial_loss(
      text, vision,
      {models::reverse_gradient(inputs.at("h_t"), lambda),
       models::reverse_gradient(inputs.at("h_v"), lambda), c.input("v_ref"), c.input("r_ref")},
      config.at("objective").get<std::string>(), Estimator::Trained);
  c.out("loss", loss.loss);
  c.out("logit.h_t", loss.logit_h_t);
  c.out("logit.h_v", loss.logit_h_v);
  if (loss.logit_v_ref.defined()) c.out("logit.v_ref", loss.logit_v_ref);
  if (loss.logit_r_ref.defined()) c.out("logit.r_ref", loss.logit_r_ref);
  c.backward(c.objective(), inputs, weights);
}

void run_ortho(Case& c) {
  const auto& config = c.config();
  const std::string form = config.value("form", "cross");
  NamedTensors inputs;
  if (config.at("features") == "mask") {
    inputs = {{"text_logits", c.leaf("text_logits")}, {"visual_logits", c.leaf("visual_logits")}};
    const auto feature = [&](const char* x) {
      return models::mask_features(inputs.at(x), config.at("pool"));
    };
    c.out("loss", models::ortho_loss(feature("text_logits"), feature("visual_logits"), form));
  } else {
    inputs = {{"h_t", c.leaf("h_t")}, {"h_v", c.leaf("h_v")}};
    c.out("loss", models::ortho_loss(inputs.at("h_t"), inputs.at("h_v"), form));
  }
  if (c.has("cot/loss")) c.backward(c.objective(), inputs, {});
}

void run_fusion(Case& c) {
  const std::string mode = c.config().at("mode");
  NamedTensors inputs;
  for (const char* x : {"visual_logits", "text_logits", "h_t", "h_v", "iou_visual", "iou_text"}) {
    inputs[x] = c.leaf(x);
  }
  const models::Linear gate(2 * inputs["h_t"].size(1), 1);
  const auto weights = mode == "gate" ? prefixed(gate, "gate.") : NamedTensors();
  c.fill_weights(weights);
  ask_gradients(weights);
  const auto fused =
      models::fuse({inputs["visual_logits"], inputs["text_logits"], inputs["h_t"], inputs["h_v"],
                    inputs["iou_visual"], inputs["iou_text"], gate.weight, gate.bias},
                   mode);
  c.out("fused_logits", fused.logits);
  if (c.expects("alpha")) c.out("alpha", fused.alpha);
  c.backward(c.objective(), inputs, weights);
}

// The second pass of the visual decoder over given features and a given fused mask.
void run_reprompt(Case& c) {
  const auto sam = sam_config(c.config().at("sam"));
  const double limit = c.config().at("clamp");
  models::sam2::Sam2Model model(sam);
  const models::Linear gate(2 * sam.dim, 1);
  auto weights = prefixed(gate, "gate.");
  for (const auto& [name, tensor] : prefixed(model, "")) {
    if (!name.starts_with("image_encoder.")) weights[name] = tensor;
  }
  c.fill_weights(weights);
  for (const auto& [name, tensor] : weights) {
    tensor.requires_grad_(!name.ends_with("gaussian_matrix"));
  }
  const NamedTensors inputs{
      {"h_t", c.leaf("h_t")}, {"h_v", c.leaf("h_v")}, {"text_logits", c.leaf("text_logits")}};
  const auto& h_v = inputs.at("h_v");
  auto& prompts = *model.prompt_encoder;
  const auto fused_before = c.input("fused_logits").clamp(-limit, limit).unsqueeze(1);
  const auto sparse =
      at::cat({prompts.no_points().expand({h_v.size(0), 2, sam.dim}), h_v.unsqueeze(1)}, 1);
  const auto output = model.mask_decoder->forward(
      {c.input("p3") + model.no_mem_embed.view({1, sam.dim, 1, 1}), c.input("p1"), c.input("p2"),
       prompts.dense_pe(), sparse, prompts.dense(fused_before), c.input("frame_index")});
  const auto selected = model.mask_decoder->select(output, /*argmax_iou=*/true);
  const auto fused = models::fuse({selected.logits,
                                   inputs.at("text_logits"),
                                   inputs.at("h_t"),
                                   h_v,
                                   {},
                                   {},
                                   gate.weight,
                                   gate.bias},
                                  "gate");
  c.out("multimask_logits", model.mask_decoder->all_masks(output).slice(1, 1, 4));
  c.out("ious", output.iou.slice(1, 1, 4));
  c.out("best", selected.best);
  c.out("visual_logits", selected.logits);
  c.out("fused_logits", fused.logits);
  c.out("alpha", fused.alpha);
  c.backward(c.objective(), inputs, weights);
}

config::ModelConfig decoupler_config(const json& c) {
  config::ModelConfig model;
  model.llm.hidden_size = c.at("llm_hidden");
  model.sam2.dim = c.at("dim");
  auto& method = model.decoupler;
  method.adv.hidden = c.at("disc_hidden").get<std::vector<std::int64_t>>();
  method.adv.objective = c.at("adv").at("objective");
  method.adv.weight = c.at("adv").at("weight");
  method.club = club_config(c.at("club"));
  method.ortho_weight = c.at("ortho_weight");
  return model;
}

training::AdamWOptions optimizer_options(const json& o) {
  return {o.at("betas").at(0), o.at("betas").at(1), o.at("eps"), o.value("weight_decay", 0.0)};
}

void report_losses(Case& c, const models::FeatureLosses& losses) {
  for (const char* x : {"adv", "mi_raw", "mi", "ortho"}) {
    c.out(std::string("loss.") + x, at::tensor(losses.values.at(x), at::kDouble));
  }
  if (c.expects("loss.total")) c.out("loss.total", losses.total);
}

// One optimizer update in the order `before`: discriminators, CLUB, then the main step.
void run_decoupler_update(Case& c, models::DecouplerModel& model, const NamedTensors& weights,
                          const models::Prompts& prompts, const models::FeatureContext& context) {
  const auto& config = c.config();
  const auto select = [&](auto&& wanted) {
    NamedTensors some;
    for (const auto& [name, tensor] : weights) {
      if (wanted(name)) some[name] = tensor;
    }
    return some;
  };
  const auto gradients = [](const at::Tensor& loss, const NamedTensors& of) {
    std::vector<at::Tensor> leaves;
    for (const auto& [name, tensor] : of) leaves.push_back(tensor);
    const auto found = tensor::gradients({loss}, {loss.detach().clone().fill_(1)}, leaves, true);
    NamedTensors named;
    auto next = found.begin();
    for (const auto& [name, tensor] : of) named[name] = *next++;
    return named;
  };
  const auto report = [&](const std::string& prefix, const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) {
      if (c.expects(prefix + name)) c.out(prefix + name, tensor);
    }
  };

  const auto discriminators = select([](auto& name) { return name.starts_with("disc_"); });
  training::AdamW discriminator_optimizer(optimizer_options(config.at("adv")));
  const auto discriminator_loss =
      model.discriminator_loss(prompts.h_t, prompts.h_v, context.v_ref, prompts.h_r);
  c.out("loss.discriminator_before", discriminator_loss);
  const auto grad_d = gradients(discriminator_loss, discriminators);
  report("grad_d.", grad_d);
  discriminator_optimizer.step(discriminators, grad_d, config.at("adv").at("lr"));

  const auto& club = config.at("club");
  const auto club_weights = select([](auto& name) { return name.starts_with("club."); });
  training::AdamW club_optimizer(optimizer_options(club));
  const auto every = club.at("update_every").get<std::int64_t>();
  const std::int64_t size = club.at("fifo_size");
  const auto fifo_t = models::push_rows(context.fifo_t, prompts.h_t, size);
  const auto fifo_v = models::push_rows(context.fifo_v, prompts.h_v, size);
  c.out("fifo_t_after", fifo_t);
  c.out("fifo_v_after", fifo_v);
  if (config.at("update_index").get<std::int64_t>() % every == 0) {
    std::vector<double> fits;
    for (int step = 0; step < club.at("inner_steps").get<int>(); ++step) {
      const auto loss = model.club_fit_loss(fifo_t, fifo_v);
      fits.push_back(loss.item<double>());
      club_optimizer.step(club_weights, gradients(loss, club_weights), club.at("lr"));
    }
    c.out("loss.club_fit", at::tensor(fits, at::kDouble));
  }

  const auto linears = select([](auto& name) {
    return name.starts_with("linear_text.") || name.starts_with("linear_vision.");
  });
  training::AdamW main_optimizer(optimizer_options(config.at("optim")));
  const auto losses = model.feature_losses(prompts, context);
  report_losses(c, losses);
  const auto grad_p = gradients(losses.total + (prompts.h_t * c.input("grad_h_t")).sum() +
                                    (prompts.h_v * c.input("grad_h_v")).sum(),
                                linears);
  report("grad_p.", grad_p);
  const double norm = training::global_norm(training::squared_norms(grad_p));
  c.out("grad_norm", at::tensor(norm, at::kDouble));
  const auto& optim = config.at("optim");
  main_optimizer.step(linears, grad_p, optim.at("lr"),
                      training::clip_factor(norm, optim.at("clip")));

  report("after.", weights);
  for (const auto* optimizer : {&discriminator_optimizer, &club_optimizer, &main_optimizer}) {
    report("", optimizer->state());
  }
}

void run_decoupler(Case& c) {
  const auto& config = c.config();
  models::DecouplerModel model(decoupler_config(config), models::ModelParts::of("desa2va"));
  NamedTensors weights;  // the cases know them without the outer prefix, and start from z
  for (const auto& [name, tensor] : model.named_parameters()) {
    const std::string outer = "decoupler.";
    if (name.starts_with(outer)) weights[name.substr(outer.size())] = tensor;
  }
  c.fill_weights(weights);
  ask_gradients(weights);
  const auto z = c.leaf("z");
  const auto prompts = model.split(z, c.input("x_real"));
  models::FeatureContext context;
  context.v_ref = c.input("v_ref");
  context.fifo_t = c.input("fifo_t");
  context.fifo_v = c.input("fifo_v");
  context.grl_lambda = config.at("adv").at("grl_lambda");
  c.out("h_t", prompts.h_t);
  c.out("h_v", prompts.h_v);
  c.out("h_r", prompts.h_r);
  if (config.at("op") == "update") {
    return run_decoupler_update(c, model, weights, prompts, context);
  }
  context.train_estimators = true;
  const auto losses = model.feature_losses(prompts, context);
  report_losses(c, losses);
  c.backward(c.objective(), {{"z", z}}, weights);
}

}  // namespace

void add_method_cases(Registry& registry) {
  registry.module("losses", run_losses);
  registry.module("fixed_objects", run_fixed_objects);
  registry.module("club", run_club);
  registry.module("adversarial", run_adversarial);
  registry.module("ortho", run_ortho);
  registry.module("fusion", run_fusion);
  registry.module("reprompt", run_reprompt);
  registry.module("decoupler", run_decoupler);
  registry.module("step", run_step);
}

}  // namespace desa2va::golden
