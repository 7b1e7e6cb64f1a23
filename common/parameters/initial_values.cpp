#include "common/parameters/initial_values.h"

#include <algorithm>
#include <cmath>

#include "common/base/random.h"

namespace desa2va::parameters {
namespace {

constexpr std::string_view kMaskDecoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
constexpr std::string_view kTextDecoder = "grounding_encoder.text_mask_decoder.";

std::uint64_t count(const std::vector<std::int64_t>& shape) {
  std::uint64_t numel = 1;
  for (const std::int64_t side : shape) numel *= static_cast<std::uint64_t>(side);
  return numel;
}

std::string weight_beside(std::string_view bias) {
  return std::string(bias.substr(0, bias.size() - 4)) + "weight";
}

}  // namespace

std::vector<InitRule> vit_rules(const config::VitConfig& vit) {
  return {{"vision_model.embeddings.class_embedding", Fill::normal(1)},
          {"vision_model.embeddings.position_embedding", Fill::normal(vit.position_scale)},
          {".ls1", Fill::constant(0.1)},
          {".ls2", Fill::constant(0.1)}};
}

std::vector<InitRule> llm_rules(const config::LlmConfig& llm) {
  const auto normal = Fill::normal(llm.initializer_range);
  std::vector<InitRule> rules = {
      {".lora_B.", Fill::constant(0)}, {"embed_tokens.weight", normal}, {"lm_head.weight", normal}};
  for (const char* target :
       {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}) {
    rules.push_back({std::string(target) + ".base_layer.weight", normal});
    rules.push_back({std::string(target) + ".base_layer.bias", Fill::constant(0)});
  }
  return rules;
}

std::vector<InitRule> sam_rules() {
  return {{"positional_encoding_gaussian_matrix", Fill::normal(1)},
          {"trunk.pos_embed", Fill::constant(0)},
          {"no_mem_", Fill::truncated_normal(0.02)},
          {"maskmem_tpos_enc", Fill::truncated_normal(0.02)},
          {"no_obj_", Fill::truncated_normal(0.02)},
          {".gamma", Fill::constant(1e-6)},
          {"_token.weight", Fill::normal(1)},
          {"_tokens.weight", Fill::normal(1)},
          {"point_embeddings.", Fill::normal(1)},
          {"not_a_point_embed", Fill::normal(1)},
          {"no_mask_embed", Fill::normal(1)},
          {"fusion.gate.", Fill::constant(0)}};
}

Result<Fill> default_fill(std::string_view name, const std::vector<std::int64_t>& weight) {
  const std::string_view leaf = name.substr(name.rfind('.') + 1);  // whole if there is no dot
  if ((leaf == "weight" || leaf == "bias") && !weight.empty()) {
    if (weight.size() >= 2) {
      const std::uint64_t fan_in = count(weight) / static_cast<std::uint64_t>(weight[0]);
      return Fill::uniform(1.0 / std::sqrt(static_cast<double>(fan_in)));
    }
    return Fill::constant(leaf == "weight" ? 1 : 0);
  }
  return fail(Errc::Internal, "no rule says how to initialise {}", name);
}

void fill_values(std::span<float> out, std::uint64_t first, std::uint64_t total,
                 std::string_view name, std::uint64_t seed, Fill how) {
  if (how.kind == Fill::Kind::Constant) {
    std::fill(out.begin(), out.end(), static_cast<float>(how.value));
    return;
  }
  const Random random(seed, "init", name);
  if (how.kind == Fill::Kind::Uniform) {
    random.fill_uniform(out, first);
    for (float& x : out) x = static_cast<float>((2.0 * x - 1.0) * how.value);
    return;
  }
  random.fill_normal(out, first);
  if (how.kind == Fill::Kind::TruncatedNormal) {
    // What lies beyond two deviations is drawn again from the next stretch of the stream.
    for (std::size_t i = 0; i < out.size(); ++i) {
      for (std::uint64_t round = 1; std::abs(out[i]) > 2; ++round)
        random.fill_normal(out.subspan(i, 1), round * total + first + i);
    }
  }
  for (float& x : out) x = static_cast<float>(x * how.value);
}

InitialValues::InitialValues(const config::ModelConfig& config, const Preset& preset,
                             std::uint64_t seed)
    : config_(config), seed_(seed) {
  for (auto& parameter : inventory(config, preset))
    shapes_.emplace(std::move(parameter.name), std::move(parameter.shape));
  rules_[Role::Mllm] = vit_rules(config.vit);
  for (auto& rule : llm_rules(config.llm)) rules_[Role::Mllm].push_back(std::move(rule));
  rules_[Role::Sam2] = sam_rules();
  rules_[Role::Decoupler] = {};
}

Result<Fill> InitialValues::fill_of(const std::string& name) const {
  for (const InitRule& rule : rules_.at(owner(name))) {
    if (name.find(rule.part) != std::string::npos) return rule.fill;
  }
  const auto beside = shapes_.find(name.ends_with(".bias") ? weight_beside(name) : name);
  return default_fill(name, beside == shapes_.end() ? std::vector<std::int64_t>() : beside->second);
}

Result<void> InitialValues::read(const std::string& name, std::uint64_t first,
                                 std::span<float> out) const {
  const auto found = shapes_.find(name);
  if (found == shapes_.end()) return fail(Errc::NotFound, "the model has no tensor '{}'", name);
  const auto& shape = found->second;
  if (name.starts_with(kTextDecoder))  // starts as a copy of the visual one
    return read(std::string(kMaskDecoder) + name.substr(kTextDecoder.size()), first, out);
  const auto& decoupler = config_.decoupler;
  if (decoupler.init == "identity_vision" && name.starts_with("decoupler.linear_vision.")) {
    const auto& weight = shapes_.at("decoupler.linear_vision.weight");
    if (weight[0] == weight[1]) {
      const auto side = static_cast<std::uint64_t>(weight[0]);
      const bool matrix = name.ends_with(".weight");
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = matrix && (first + i) / side == (first + i) % side ? 1.0F : 0.0F;
      return {};
    }
  }
  DESA2VA_ASSIGN(const Fill how, fill_of(name));
  fill_values(out, first, count(shape), name, seed_, how);
  const double gain = name == "text_hidden_fcs.2.weight"            ? decoupler.prompt_gain
                      : name == "decoupler.linear_real_text.weight" ? decoupler.real_text_gain
                                                                    : 1;
  if (gain != 1) {
    for (float& x : out) x *= static_cast<float>(gain);
  }
  return {};
}

}  // namespace desa2va::parameters
