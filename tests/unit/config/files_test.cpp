#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "common/config/load.h"

// The configurations that ship.
namespace desa2va::config {
namespace {

std::filesystem::path folder() {
  const char* root = std::getenv("DESA2VA_SOURCE_DIR");
  return std::filesystem::path(root == nullptr ? "." : root) / "configs";
}

Config shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const auto result = load((folder() / name).string(), overrides, "/here");
  EXPECT_TRUE(result) << result.error().message();
  return result ? result->config : Config{};
}

TEST(ShippedConfigs, AllLoadWithEveryPreset) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    for (const std::string preset :
         {"desa2va", "baseline", "desa2va_no_pretrain", "baseline_pretrain"}) {
      const auto result = load(entry.path().string(), {"preset=" + preset}, "/here");
      EXPECT_TRUE(result) << preset << ": " << result.error().message();
    }
  }
  EXPECT_GE(count, 4);
}

TEST(ShippedConfigs, TheBigOnesHaveThePublishedSizes) {
  const Config small = shipped("desa2va_1b.yaml");
  EXPECT_EQ(small.model.llm.hidden_size, 896);
  EXPECT_EQ(small.model.llm.num_hidden_layers, 24);
  const Config large = shipped("desa2va_4b.yaml");
  EXPECT_EQ(large.model.llm.hidden_size, 2048);
  EXPECT_EQ(large.model.llm.num_hidden_layers, 36);
  EXPECT_EQ(large.model.llm.num_attention_heads, 16);
  EXPECT_EQ(large.model.llm.intermediate_size, 11008);
  for (const Config& config : {small, large}) {
    EXPECT_EQ(config.model.sam2.variant, "hiera_l");
    EXPECT_EQ(config.model.vit.num_hidden_layers, 24);
    EXPECT_EQ(config.train.micro_batches, 32);
    EXPECT_EQ(config.train.lr, 4e-5);
    EXPECT_EQ(config.model.decoupler.align_weight, 0);
    EXPECT_EQ(config.model.sam2.mask_select, "argmax_iou");
  }
}

TEST(ShippedConfigs, TinyPassesThroughAllPhasesInTwelveSteps) {
  EXPECT_EQ(shipped("tiny.yaml", {"train.steps=12"}).train.steps, 12);
}

}  // namespace
}  // namespace desa2va::config
