#include "common/parameters/initial_values.h"

#include <gtest/gtest.h>

#include "common/models/desa2va/decoupler.h"
#include "common/models/desa2va/segmenter.h"
#include "common/models/mllm/mllm.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

config::ModelConfig small_model() {
  config::ModelConfig model;
  model.vit.image_size = 28;
  model.vit.hidden_size = 16;
  model.vit.num_hidden_layers = 1;
  model.vit.num_attention_heads = 2;
  model.vit.intermediate_size = 24;
  model.vit.position_scale = 0.02;
  model.llm.vocab_size = 40;
  model.llm.hidden_size = 16;
  model.llm.num_hidden_layers = 1;
  model.llm.num_attention_heads = 2;
  model.llm.num_key_value_heads = 1;
  model.llm.intermediate_size = 24;
  model.llm.lora.r = 4;
  model.sam2.variant = "custom";
  model.sam2.version = "2.1";
  model.sam2.image_size = 64;
  model.sam2.dim = 16;
  model.sam2.hiera = {8, 1, {1, 1, 2, 1}, {8, 4, 2, 2}, {3}, {7, 7}, 3, 4, {2, 3}};
  model.sam2.decoder_mlp_dim = 32;
  model.sam2.iou_head_hidden_dim = 16;
  model.sam2.mem_dim = 4;
  model.sam2.mem_layers = 2;
  model.sam2.mem_mlp_dim = 32;
  model.decoupler.prompt_gain = 3;
  model.decoupler.real_text_gain = 0.7;
  return model;
}

// Every tensor of the modules, read in pieces that fit no boundary.
void expect_equal(const NamedTensors& tensors, const parameters::InitialValues& values) {
  for (const auto& [name, tensor] : tensors) {
    std::vector<float> made(static_cast<std::size_t>(tensor.numel()));
    for (std::size_t first = 0; first < made.size(); first += 37) {
      const auto piece =
          std::span(made).subspan(first, std::min<std::size_t>(37, made.size() - first));
      ASSERT_TRUE(values.read(name, first, piece).has_value()) << name;
    }
    const auto expected = tensor.contiguous();
    EXPECT_TRUE(std::equal(made.begin(), made.end(), expected.const_data_ptr<float>())) << name;
  }
}

TEST(InitialValues, AreWhatTheModulesStartWith) {
  const auto model = small_model();
  const parameters::Preset preset = parameters::preset_of(config::Preset::Desa2va);
  const parameters::InitialValues values(model, preset, 11);
  Mllm mllm(model.vit, model.llm, {5, 6});
  initialise_mllm(mllm, model.vit, model.llm, 11);
  expect_equal(mllm.named_tensors(), values);
  DecouplerModel decoupler(model, ModelParts::of("desa2va"));
  decoupler.initialise(11);
  expect_equal(decoupler.named_parameters(), values);
  SamSegmenter segmenter(model, ModelParts::of("desa2va"));
  segmenter.initialise(11);
  expect_equal(segmenter.named_state(), values);
  const std::size_t all = mllm.named_tensors().size() + decoupler.named_parameters().size() +
                          segmenter.named_state().size();
  EXPECT_EQ(all, parameters::inventory(model, preset).size());
}

}  // namespace
}  // namespace desa2va::models
