#include "common/config/supported.h"

#include <gtest/gtest.h>

namespace desa2va::config {
namespace {

Result<void> check(const std::vector<std::string>& overrides) {
  auto loaded = load_text("train: {steps: 10}\n", "test.yaml", overrides, "");
  EXPECT_TRUE(loaded) << loaded.error().message();
  return check_supported(*loaded);
}

TEST(Supported, TheDefaultsWithANumberOfStepsCanRun) {
  EXPECT_TRUE(check({}));
}

TEST(Supported, WhatIsNotBuiltIsNamedWithWhatWorks) {
  for (const char* word : {"services.data.hosts=[a, b]", "services.data.device=cuda"}) {
    const auto refused = check({word});
    ASSERT_FALSE(refused) << word;
    const std::string key = std::string(word).substr(0, std::string(word).find('='));
    EXPECT_NE(refused.error().message().find(key), std::string::npos) << refused.error().message();
    EXPECT_NE(refused.error().message().find("allowed in this version"), std::string::npos);
    EXPECT_EQ(refused.error().exit_code(), 2);
  }
}

TEST(Supported, PrecisionMemoryAndDevicesCanBeChosen) {
  for (const char* word : {"train.precision=bf16_master_fp32", "services.sam2.device=cuda:1",
                           "train.activation_checkpointing=true", "optim.missing_grad=zero"}) {
    EXPECT_TRUE(check({word})) << word;
  }
}

}  // namespace
}  // namespace desa2va::config
