#include <ATen/ops/nonzero.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>

#include "common/models/internvit/internvit.h"
#include "common/models/internvit/mlp1.h"
#include "common/models/mllm/mllm.h"
#include "common/models/qwen2/qwen2.h"
#include "common/parameters/inventory.h"
#include "common/weights/names.h"
#include "tests/golden/registry.h"

// Vision tower, projector, language model, and the three together.
namespace desa2va::golden {
namespace {

using nlohmann::json;

config::VitConfig vit_config(const json& c) {
  TORCH_CHECK(c.at("norm_type") == "layer_norm" && !c.at("qk_normalization").get<bool>() &&
                  c.at("hidden_act") == "gelu" && c.at("num_channels") == 3 &&
                  c.at("drop_path_rate") == 0.0,
              "this vision tower is another one than InternViT-300M's kind");
  config::VitConfig vit;
  vit.image_size = c.at("image_size");
  vit.patch_size = c.at("patch_size");
  vit.hidden_size = c.at("hidden_size");
  vit.num_hidden_layers = c.at("num_hidden_layers");
  vit.num_attention_heads = c.at("num_attention_heads");
  vit.intermediate_size = c.at("intermediate_size");
  vit.layer_norm_eps = c.at("layer_norm_eps");
  vit.qkv_bias = c.at("qkv_bias");
  return vit;
}

config::LlmConfig llm_config(const json& c, const json* lora) {
  TORCH_CHECK(c.at("hidden_act") == "silu", "Qwen2 has SiLU");
  config::LlmConfig llm;
  llm.vocab_size = c.at("vocab_size");
  llm.hidden_size = c.at("hidden_size");
  llm.intermediate_size = c.at("intermediate_size");
  llm.num_hidden_layers = c.at("num_hidden_layers");
  llm.num_attention_heads = c.at("num_attention_heads");
  llm.num_key_value_heads = c.at("num_key_value_heads");
  llm.rope_theta = c.at("rope_theta");
  llm.rms_norm_eps = c.at("rms_norm_eps");
  llm.tie_word_embeddings = c.at("tie_word_embeddings");
  llm.lora = {0, 0, 0};
  if (lora == nullptr) return llm;
  llm.lora = {lora->at("r"), lora->at("alpha"), lora->at("dropout")};
  TORCH_CHECK(lora->at("dropout") == 0.0 && lora->at("target_modules").size() == 7,
              "LoRA of the cases has no dropout and all seven targets");
  return llm;
}

// Names of a case without LoRA are published names; with it those of the wrapped model.
std::string case_name(const std::string& path, bool lora) {
  return lora ? weights::canonical_name(path).substr(std::string("mllm.model.").size()) : path;
}

// Rows at and beyond each length set to 0, as the cases store them.
at::Tensor zero_padding(const at::Tensor& x, const at::Tensor& mask) {
  return x * mask.to(x.scalar_type()).unsqueeze(2);
}

// Everything asks for a gradient, or what the case says trains.
void enable(const Case& c, const NamedTensors& weights) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : weights) names.insert(name);
  if (c.spec().contains("trainable")) c.spec()["trainable"].get_to(names);
  models::enable_gradients(weights, names);
}

void run_internvit(Case& c) {
  const auto config = vit_config(c.config());
  const models::InternVit vit(config);
  const auto weights = models::named_tensors(vit, "vision_model.");
  c.fill_weights(weights);
  const bool gradients = c.has("gi/pixel_values");
  if (gradients) enable(c, weights);
  const auto pixels = gradients ? c.leaf("pixel_values") : c.input("pixel_values");
  const auto hidden = vit.forward(pixels);
  if (c.expects("last_hidden")) c.out("last_hidden", hidden);
  if (c.expects("row0")) c.out("row0", hidden.select(1, 0));
  if (c.expects("last_row")) c.out("last_row", hidden.select(1, hidden.size(1) - 1));
  if (gradients) c.backward(c.objective(), {{"pixel_values", pixels}}, weights);
}

void run_mlp1(Case& c) {
  const auto& config = c.config();
  TORCH_CHECK(config.at("downsample_ratio") == 0.5 && config.at("ps_version") == "v2" &&
                  config.at("layer_norm_eps") == 1e-5,
              "the projector of the case is another one");
  const models::Mlp1 mlp1(config.at("vit_hidden_size"), config.at("llm_hidden_size"));
  const auto weights = models::named_tensors(mlp1, "mlp1.");
  c.fill_weights(weights);
  enable(c, weights);
  const auto states = c.leaf("vit_embeds");
  const auto shuffled = models::pixel_shuffle(states, config.at("grid_h"), config.at("grid_w"));
  c.out("shuffled", shuffled);
  c.out("embeds", mlp1.forward(shuffled));
  c.backward(c.objective(), {{"vit_embeds", states}}, weights);
}

void run_generate(Case& c, const models::Qwen2& llm) {
  const auto& config = c.config();
  models::GenerateOptions options;
  options.max_new_tokens = config.at("max_new_tokens");
  options.stop_ids = {config.at("eos_token_id").get<std::int64_t>()};
  options.keep_logits = true;
  const auto made = models::generate(llm, llm.embed(c.input("input_ids")), options);
  const auto ids = at::tensor(made.ids, at::kLong).to(c.device());
  c.out("ids", ids);
  c.out("step_logits", made.logits);
  c.out("prompt_hidden", made.prompt_hidden);
  c.out("hidden", made.hidden);
  const auto is_seg =
      ids.slice(0, 0, ids.size(0) - 1) == config.at("seg_token_id").get<std::int64_t>();
  if (c.expects("seg_hidden"))
    c.out("seg_hidden", made.hidden.index_select(0, at::nonzero(is_seg).squeeze(1)));
}

void run_qwen2(Case& c) {
  const auto& config = c.config();
  const bool lora = config.contains("lora");
  const models::Qwen2 llm(llm_config(config, lora ? &config["lora"] : nullptr));
  NamedTensors weights;
  for (const auto& [path, tensor] : models::named_tensors(llm, "language_model.")) {
    weights.emplace(case_name(path, lora), tensor);
  }
  c.fill_weights(weights);
  if (config.contains("max_new_tokens")) return run_generate(c, llm);
  enable(c, weights);
  const auto mask = c.input("attention_mask");
  NamedTensors inputs;
  at::Tensor embeds;
  if (c.has_input("inputs_embeds")) {
    embeds = inputs["inputs_embeds"] = c.leaf("inputs_embeds");
  } else {
    embeds = llm.embed(c.input("input_ids"));
  }
  const auto states = llm.forward(embeds, {});
  c.out("hidden", zero_padding(states, mask));
  c.out("logits", zero_padding(llm.logits(states), mask));
  c.out("loss", llm.loss(states, c.input("labels")));
  for (const auto& [path, merged] : llm.merged()) {
    const auto name = "merged/language_model." + path;
    if (c.expects(name)) c.out(name, merged);
  }
  c.backward(c.objective(), inputs, weights);
}

void run_mllm(Case& c) {
  const auto& config = c.config();
  TORCH_CHECK(config.at("downsample_ratio") == 0.5 && config.at("ps_version") == "v2" &&
                  config.at("select_layer") == -1,
              "the composition of the case is another one");
  const auto vit = vit_config(config.at("vision"));
  const auto llm = llm_config(config.at("llm"), &config.at("lora"));
  const models::Mllm mllm(vit, llm, {config.at("img_context_token_id"), config.at("seg_token_id")});
  const models::Linear up(llm.hidden_size, llm.hidden_size);
  const models::Linear out(llm.hidden_size, config.at("seg_dim"));
  NamedTensors weights = models::named_tensors(up, "text_hidden_fcs.0.");
  weights.merge(models::named_tensors(out, "text_hidden_fcs.2."));
  const auto own = std::string("mllm.model.").size();
  for (const auto& [name, tensor] : mllm.named_tensors()) weights.emplace(name.substr(own), tensor);
  // What has a gradient is our own rule, which the case's list then has to agree with.
  config::ModelConfig model;
  model.vit = vit;
  model.llm = llm;
  std::set<std::string> names;
  for (const auto& [name, tensor] : weights) {
    const bool ours = name.starts_with("text_hidden_fcs.");
    if (parameters::trains(ours ? name : "mllm.model." + name, model, {}, Phase::C)) {
      names.insert(name);
    }
  }
  c.fill_weights(weights);
  models::enable_gradients(weights, names);

  models::MllmInput input;
  input.ids = c.input("input_ids");
  input.labels = c.input("labels");
  input.lengths = c.input("lengths");
  input.tiles = c.input("pixel_values");
  const auto tiles = c.input("tiles_per_sample");
  for (std::int64_t i = 0; i < tiles.size(0); ++i) {
    input.tiles_per_sample.push_back(tiles[i].item<std::int64_t>());
  }
  const auto made = mllm.forward(input, {});
  c.out("image_embeds", made.image_embeds);
  c.out("hidden", zero_padding(made.hidden, c.input("attention_mask")));
  c.out("seg_hidden", made.seg_hidden);
  c.out("seg", out.forward(at::relu(up.forward(made.seg_hidden))));
  c.out("loss", made.loss);
  c.backward(c.objective(), {}, weights);
}

}  // namespace

void add_mllm_cases(Registry& registry) {
  registry.module("internvit", run_internvit);
  registry.module("mlp1", run_mlp1);
  registry.module("qwen2", run_qwen2);
  registry.module("mllm", run_mllm);
}

}  // namespace desa2va::golden
