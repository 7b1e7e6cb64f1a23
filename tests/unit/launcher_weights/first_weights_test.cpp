#include "launcher/weights/first_weights.h"

#include "tests/unit/launcher_weights/fixture.h"

namespace desa2va::launcher {
namespace {

constexpr const char* kGate = "fusion.gate.weight";

class FirstWeights : public Weights {
 protected:
  // The configuration of a run that starts from the import in "run".
  config::Config start(const std::vector<std::string>& more = {}) {
    auto wanted = request();
    wanted.overrides.insert(wanted.overrides.end(), more.begin(), more.end());
    imported(wanted);
    auto config = config::load_run(at("run")).value();
    config.model.init_from = at("run");
    std::filesystem::create_directories(dir_ / "new/checkpoints");
    return config;
  }
  Result<void> put(const config::Config& config) {
    return put_first_weights(config, at("new"), [&](const std::string& line) { said_ += line; });
  }
  std::string said_;
};

TEST_F(FirstWeights, AreStepZeroOfTheRunsOwnStore) {
  const auto config = start();
  ASSERT_TRUE(put(config).has_value());
  const auto theirs = open(at("run")).manifest(), ours = open(at("new")).manifest();
  EXPECT_EQ(ours.step, 0U);
  EXPECT_TRUE(checkpoint::diff(theirs, ours).differences.empty());
  EXPECT_NE(said_.find("0 at random"), std::string::npos) << said_;
  const auto verified = checkpoint::verify(dir_ / "new/checkpoints").value();
  EXPECT_TRUE(verified.defects.empty());
  ASSERT_TRUE(put(config).has_value()) << "again, as after a launch that failed";
}

TEST_F(FirstWeights, WhatTheSourceLacksStartsAtRandom) {
  auto config = start({"preset=baseline"});
  config.preset = config::Preset::Desa2va;
  config.model.decoupler.fusion_mode = "gate";
  ASSERT_TRUE(put(config).has_value());
  const auto reader = open(at("new"));
  EXPECT_EQ(reader.manifest().find(kGate), nullptr);
  EXPECT_EQ(floats(reader, "grounding_encoder.text_mask_decoder.iou_token.weight"),
            floats(reader, "grounding_encoder.sam2_model.sam_mask_decoder.iou_token.weight"));
  EXPECT_NE(said_.find("at random"), std::string::npos);
}

TEST_F(FirstWeights, OtherSizesAreNamed) {
  auto config = start();
  config.model.llm.lora.r = 8;
  const auto refused = put(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().exit_code(), 2);
  EXPECT_NE(refused.error().message().find("lora_A"), std::string::npos);
  EXPECT_NE(refused.error().message().find("init.from"), std::string::npos);
}

TEST_F(FirstWeights, ASourceThatIsNotThereIsAMatterOfTheConfiguration) {
  auto config = start();
  config.model.init_from = at("nowhere");
  EXPECT_EQ(put(config).error().exit_code(), 2);
}

TEST_F(FirstWeights, AnImportIntoTheRunItselfIsCheckedAgainstItsConfiguration) {
  auto config = start();
  config.model.init_from.clear();
  const auto none = [](const std::string&) {};
  EXPECT_TRUE(put_first_weights(config, at("run"), none).has_value());
  EXPECT_TRUE(put(config).has_value()) << "an empty store is a start at random";
  config.model.llm.hidden_size = 48;
  EXPECT_FALSE(put_first_weights(config, at("run"), none).has_value());
}

}  // namespace
}  // namespace desa2va::launcher
