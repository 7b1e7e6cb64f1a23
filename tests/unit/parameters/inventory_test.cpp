#include "common/parameters/inventory.h"

#include <set>

#include <gtest/gtest.h>

namespace desa2va::parameters {
namespace {

config::ModelConfig published_1b() {
  return {};
}

config::ModelConfig published_4b() {
  config::ModelConfig config = published_1b();
  config.llm.hidden_size = 2048;
  config.llm.num_hidden_layers = 36;
  config.llm.num_attention_heads = 16;
  config.llm.intermediate_size = 11008;
  return config;
}

std::int64_t total(const config::ModelConfig& config, const std::string& part) {
  for (const Count& count : count_parts(config, preset_of(config::Preset::Desa2va)))
    if (count.part == part) return count.parameters;
  return -1;
}

std::int64_t trained(const config::ModelConfig& config, config::Preset preset_name, Phase phase) {
  const Preset preset = preset_of(preset_name);
  std::int64_t sum = 0;
  for (const Parameter& parameter : inventory(config, preset))
    if (trains(parameter.name, config, preset, phase)) sum += parameter.numel();
  return sum;
}

TEST(Inventory, CountsAreThoseOfThePublished1B) {
  const auto config = published_1b();
  EXPECT_EQ(total(config, "InternViT"), 304'012'288);
  EXPECT_EQ(total(config, "mlp1"), 4'482'816);
  EXPECT_EQ(total(config, "LLM"), 629'697'920);
  EXPECT_EQ(total(config, "added token rows"), 2 * 5 * 896);
  EXPECT_EQ(total(config, "[SEG] projector"), 1'033'344);
  EXPECT_EQ(total(config, "SAM-2"), 224'430'130);
  EXPECT_EQ(total(config, "LoRA"), 70'385'664);
}

TEST(Inventory, CountsAreThoseOfThePublished4B) {
  const auto config = published_4b();
  EXPECT_EQ(total(config, "mlp1"), 12'595'200);
  EXPECT_EQ(total(config, "LLM"), 3'396'030'464);
  EXPECT_EQ(total(config, "[SEG] projector"), 4'720'896);
  EXPECT_EQ(total(config, "LoRA"), 239'468'544);
}

TEST(Inventory, AdditionsOfTheMethodAreAsInThePaperSpecification) {
  // Two linears, the real-text linear, two discriminators, CLUB, the gate, the text decoder.
  EXPECT_EQ(total(published_1b(), "DeSa2VA additions"),
            2 * 65'792 + 229'632 + 2 * 98'817 + 1'184'260 + 513 + 4'215'109);
}

TEST(Inventory, BaselineTrainsWhatSa2vaTrains) {
  const auto config = published_1b();
  std::int64_t heads = 0;
  for (const Parameter& p : inventory(config, preset_of(config::Preset::Baseline)))
    if (p.name.find("pred_obj_score_head") != std::string::npos ||
        p.name.find("iou_prediction_head") != std::string::npos)
      heads += p.numel();
  // The published total counts the two heads, which are marked trainable but get no gradient.
  EXPECT_EQ(trained(config, config::Preset::Baseline, Phase::C) + heads, 351'925'701);
}

TEST(Inventory, NamesAreUniqueAndSam2HasTheOfficialNumberOfTensors) {
  std::set<std::string> names;
  std::int64_t sam = 0;
  std::int64_t vit = 0;
  for (const Parameter& p : inventory(published_1b(), preset_of(config::Preset::Desa2va))) {
    EXPECT_TRUE(names.insert(p.name).second) << p.name;
    sam += p.name.starts_with("grounding_encoder.sam2_model.") ? 1 : 0;
    vit += p.name.starts_with("mllm.model.vision_model.") ? 1 : 0;
  }
  EXPECT_EQ(sam, 900);
  EXPECT_EQ(vit, 340);
}

TEST(Inventory, PhaseATrainsOnlyTheTextSide) {
  const auto config = published_1b();
  const Preset preset = preset_of(config::Preset::Desa2va);
  for (const Parameter& p : inventory(config, preset)) {
    if (!trains(p.name, config, preset, Phase::A)) continue;
    EXPECT_TRUE(p.name.starts_with("grounding_encoder.text_mask_decoder.") ||
                p.name.starts_with("decoupler.linear_real_text."))
        << p.name;
  }
}

TEST(Inventory, TheGateJoinsInPhaseC) {
  const auto config = published_1b();
  const Preset preset = preset_of(config::Preset::Desa2va);
  EXPECT_FALSE(trains("fusion.gate.weight", config, preset, Phase::B));
  EXPECT_TRUE(trains("fusion.gate.weight", config, preset, Phase::C));
}

TEST(Inventory, HeadsWithoutGradientTrainOnlyWhereMissingOnesAreZeros) {
  config::Config config;
  const std::string decoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
  for (const auto missing : {config::MissingGrad::Skip, config::MissingGrad::Zero}) {
    config.optim.missing_grad = missing;
    for (const char* head : {"pred_obj_score_head", "iou_prediction_head"}) {
      EXPECT_EQ(
          trains(decoder + head + ".layers.0.weight", config.model, preset_of(config), Phase::C),
          missing == config::MissingGrad::Zero);
    }
  }
}

TEST(Inventory, EveryParameterHasOneOwner) {
  EXPECT_EQ(owner("mllm.model.mlp1.0.weight"), Role::Mllm);
  EXPECT_EQ(owner("text_hidden_fcs.0.weight"), Role::Decoupler);
  EXPECT_EQ(owner("fusion.gate.bias"), Role::Sam2);
  EXPECT_EQ(owner("grounding_encoder.text_mask_decoder.conv_s0.bias"), Role::Sam2);
}

}  // namespace
}  // namespace desa2va::parameters
