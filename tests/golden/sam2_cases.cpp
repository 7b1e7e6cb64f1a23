#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>

#include "common/models/sam2/image_encoder.h"
#include "common/models/sam2/mask_decoder.h"
#include "common/models/sam2/position_encoding.h"
#include "common/models/sam2/prompt_encoder.h"
#include "tests/golden/method_support.h"
#include "tests/golden/registry.h"

// SAM-2's image path: trunk and neck, position tables, prompts, mask decoder.
namespace desa2va::golden {
namespace {

using nlohmann::json;

// All of the module's tensors under `prefix`, filled, asking for gradients.
NamedTensors filled(const Case& c, const torch::nn::Module& module, const std::string& prefix) {
  auto weights = models::named_tensors(module, prefix);
  c.fill_weights(weights);
  for (const auto& [name, tensor] : models::named_tensors(module, "", /*parameters_only=*/true)) {
    tensor.requires_grad_(true);
  }
  return weights;
}

bool has_cotangent(const Case& c) {
  for (const auto& [name, tensor] : c.tensors()) {
    if (name.starts_with("cot/")) return true;
  }
  return false;
}

void finish_backward(Case& c, const NamedTensors& inputs, const NamedTensors& weights) {
  if (has_cotangent(c)) c.backward(c.objective(), inputs, weights);
}

void run_hiera(Case& c) {
  const auto& encoder = c.config().at("image_encoder");
  const auto& neck = encoder.at("neck");
  models::sam2::ImageEncoder model(trunk_config(encoder.at("trunk"), neck), neck.at("d_model"));
  const auto weights = filled(c, model, "image_encoder.");
  const auto image = c.leaf("image");
  const auto output = model.forward(image);
  for (std::size_t i = 0; i < output.stages.size(); ++i) {
    c.out("stage" + std::to_string(i + 1), output.stages[i]);
  }
  for (std::size_t i = 0; i < output.levels.size(); ++i) {
    const auto& level = output.levels[i];
    c.out("p" + std::to_string(i + 1), level);
    c.out("pos" + std::to_string(i + 1),
          models::sam2::sine_encoding(neck.at("num_pos_feats"), level.size(2), level.size(3),
                                      neck.at("temperature")));
  }
  finish_backward(c, {{"image", image}}, weights);
}

void run_position_encoding(Case& c) {
  const auto& config = c.config();
  const auto& grid = config.at("grid");
  c.out("sine", models::sam2::sine_encoding(config.at("num_pos_feats"), grid.at(0), grid.at(1),
                                            config.at("temperature")));
  const auto rope = models::sam2::axial_rope(config.at("rope_dim"), config.at("rope_end_y"),
                                             config.at("rope_end_x"), config.at("rope_theta"));
  c.out("rope_cos", rope.cos);
  c.out("rope_sin", rope.sin);
}

void run_prompt_encoder(Case& c) {
  const auto& config = c.config().at("prompt_encoder");
  const models::sam2::PromptEncoderShape shape{
      config.at("embed_dim"), config.at("image_embedding_size"), config.at("input_image_size"),
      config.at("mask_in_chans")};
  models::sam2::PromptEncoder model(shape);
  const auto weights = filled(c, model, "sam_prompt_encoder.");
  NamedTensors inputs;
  for (const char* x : {"points", "boxes", "masks"}) {
    if (c.has_input(x)) inputs[x] = c.leaf(x);
  }
  const auto labels = c.has_input("labels") ? c.input("labels") : at::Tensor();
  const auto sparse = model.sparse(inputs["points"], labels, inputs["boxes"]);
  if (c.expects("sparse")) {
    c.out("sparse", sparse);
  } else {
    c.check(sparse.sizes() == at::IntArrayRef({1, 0, shape.dim}), "sparse is (1, 0, C)");
  }
  std::int64_t batch = 1;
  for (const auto& [x, tensor] : inputs) {
    if (tensor.defined()) batch = tensor.size(0);
  }
  c.out("dense", inputs["masks"].defined()
                     ? model.dense(inputs["masks"])
                     : model.no_mask().expand({batch, shape.dim, shape.grid[0], shape.grid[1]}));
  c.out("dense_pe", model.dense_pe());
  for (auto input = inputs.begin(); input != inputs.end();) {
    input = input->second.defined() ? std::next(input) : inputs.erase(input);
  }
  finish_backward(c, inputs, weights);
}

void run_mask_decoder(Case& c) {
  const auto& config = c.config().at("mask_decoder");
  TORCH_CHECK(config.at("attention_downsample_rate") == 2 &&
                  config.at("num_multimask_outputs") == 3 &&
                  config.at("iou_prediction_use_sigmoid").get<bool>() &&
                  config.at("pred_obj_scores_mlp").get<bool>() &&
                  config.at("use_high_res_features").get<bool>(),
              "this mask decoder is another one than SAM-2's kind");
  config::SamConfig sam;
  sam.dim = config.at("transformer_dim");
  sam.decoder_layers = config.at("depth");
  sam.decoder_heads = config.at("num_heads");
  sam.decoder_mlp_dim = config.at("mlp_dim");
  sam.iou_head_depth = config.at("iou_head_depth");
  sam.iou_head_hidden_dim = config.at("iou_head_hidden_dim");
  models::sam2::MaskDecoder model(sam);
  const auto weights = filled(c, model, "sam_mask_decoder.");
  NamedTensors inputs;
  for (const char* x : {"src", "p1", "p2", "sparse", "dense"}) inputs[x] = c.leaf(x);
  const auto frames = at::arange(inputs["src"].size(0), at::kLong)
                          .to(c.device())
                          .repeat_interleave(c.config().at("prompts_per_image").get<int>());
  const auto output = model.forward({inputs["src"], inputs["p1"], inputs["p2"], c.input("image_pe"),
                                     inputs["sparse"], inputs["dense"], frames});
  c.out("masks_all", model.all_masks(output));
  c.out("object_score_logits", model.object_score(output));
  if (c.config().at("multimask_output").get<bool>()) {
    const auto selected = model.select(output, /*argmax_iou=*/true);
    c.out("iou", output.iou);
    c.out("mask_tokens", output.mask_tokens);
    c.out("best_index", selected.best);
    c.out("selected", selected.logits);
  } else {
    const auto single = model.single(output, {config.at("dynamic_multimask_via_stability"),
                                              config.at("dynamic_multimask_stability_delta"),
                                              config.at("dynamic_multimask_stability_thresh")});
    c.out("iou_all", output.iou);
    c.out("mask", single.logits);
    c.out("iou", single.iou);
    c.out("token", single.token);
    c.out("stability", single.stability);
  }
  finish_backward(c, inputs, weights);
}

}  // namespace

void add_sam2_cases(Registry& registry) {
  registry.module("hiera", run_hiera);
  registry.module("position_encoding", run_position_encoding);
  registry.module("prompt_encoder", run_prompt_encoder);
  registry.module("mask_decoder", run_mask_decoder);
  add_memory_cases(registry);
}

}  // namespace desa2va::golden
