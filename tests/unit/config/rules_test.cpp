#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/load.h"

namespace desa2va::config {
namespace {

using ::testing::HasSubstr;

std::string broken(const std::vector<std::string>& overrides) {
  const auto result = load_text("", "f.yaml", overrides, "");
  return result ? "no error" : result.error().message();
}

TEST(Rules, TheMessageNamesBothKeysAndTheOrigin) {
  EXPECT_EQ(broken({"train.micro_batches=6"}),
            "command line: train.micro_batches: 6 must be a multiple of train.accumulation = 4");
}

TEST(Rules, SizesMustFit) {
  EXPECT_THAT(broken({"vit.image_size=70"}),
              HasSubstr("vit.image_size: 70 must be a multiple of 28"));
  EXPECT_THAT(broken({"vit.num_attention_heads=3"}), HasSubstr("vit.hidden_size"));
  EXPECT_THAT(broken({"llm.num_key_value_heads=4"}), HasSubstr("llm.num_attention_heads"));
  EXPECT_THAT(broken({"sam2.image_size=100"}), HasSubstr("multiple of 32"));
  EXPECT_THAT(broken({"sam2.decoder_heads=3"}), HasSubstr("must divide sam2.dim / 2 = 128"));
  EXPECT_THAT(broken({"vit.min_tiles=13"}), HasSubstr("more than vit.max_tiles"));
}

TEST(Rules, ANamedVariantFixesTheTrunk) {
  EXPECT_THAT(broken({"sam2.hiera.embed_dim=96"}), HasSubstr("set sam2.variant: custom"));
  EXPECT_EQ(broken({"sam2.variant=custom", "sam2.hiera.embed_dim=96"}), "no error");
  EXPECT_THAT(broken({"sam2.variant=custom", "sam2.hiera.global_att_blocks=[99]"}),
              HasSubstr("99 is no block: there are 48"));
  EXPECT_THAT(broken({"sam2.variant=custom", "sam2.hiera.stages=[9, 9, 9, 9, 9]"}),
              HasSubstr("must be 4"));
}

TEST(Rules, EveryPhaseNeedsAStep) {
  EXPECT_EQ(broken({"train.steps=3"}), "no error");
  EXPECT_THAT(broken({"train.steps=2"}), HasSubstr("leaves no step for phase C"));
  EXPECT_EQ(broken({"train.steps=1", "preset=baseline"}), "no error");
}

TEST(Rules, BaselinePresetsHaveNoFusionAndNoReprompt) {
  EXPECT_THAT(broken({"preset=baseline", "fusion.mode=gate"}), HasSubstr("fusion.mode"));
  EXPECT_THAT(broken({"preset=baseline", "reprompt.enabled=true"}), HasSubstr("reprompt.enabled"));
}

TEST(Rules, AnswersAsRealTextNeedAPresetWithoutPhaseA) {
  EXPECT_THAT(broken({"real_text.source=llm_answer"}), HasSubstr("desa2va_no_pretrain"));
  EXPECT_EQ(broken({"real_text.source=llm_answer", "preset=desa2va_no_pretrain"}), "no error");
}

TEST(Rules, EstimatorsThatLearnFirstNeedEveryMicrobatchOpen) {
  EXPECT_THAT(broken({"adv.order=before", "services.mllm.in_flight=31"}),
              HasSubstr("services.mllm.in_flight must be at least 32"));
  EXPECT_EQ(broken({"adv.order=before", "services.mllm.in_flight=32"}), "no error");
}

TEST(Rules, SomeValuesNeedOneProcess) {
  EXPECT_THAT(broken({"transport.control.kind=loopback"}), HasSubstr("needs run.mode=monolith"));
  EXPECT_THAT(broken({"transport.control.kind=tcp"}), HasSubstr("transport.control.port_base"));
}

TEST(Rules, PlacesAreChecked) {
  EXPECT_THAT(broken({"services.sam2.device=gpu"}), HasSubstr("is not cpu, cuda or cuda:N"));
  EXPECT_EQ(broken({"services.sam2.device=cuda:3"}), "no error");
  EXPECT_THAT(broken({"services.coordinator.replicas=2"}), HasSubstr("one replica"));
  EXPECT_EQ(broken({"services.data.replicas=3", "services.sam2.replicas=2"}), "no error");
}

TEST(Rules, GroupWorldMustDivideTheStep) {
  EXPECT_THAT(broken({"data.group_world=5"}), HasSubstr("must divide train.micro_batches = 32"));
  const auto result = load_text("", "f", {"train.micro_batches=16"}, "");
  EXPECT_EQ(result->config.group_world(), 4);
}

}  // namespace
}  // namespace desa2va::config
