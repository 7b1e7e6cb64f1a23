#include "common/models/desa2va/segmenter.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "common/models/weights/initialise.h"
#include "common/parameters/inventory.h"

namespace desa2va::models {
namespace {

config::ModelConfig tiny_model() {
  config::ModelConfig config;
  auto& sam = config.sam2;
  sam.image_size = 64;
  sam.dim = 16;
  sam.hiera.embed_dim = 8;
  sam.hiera.num_heads = 1;
  sam.hiera.stages = {1, 1, 1, 1};
  sam.hiera.window_spec = {8, 4, 4, 2};
  sam.hiera.global_att_blocks = {2};
  sam.decoder_heads = 2;
  sam.decoder_mlp_dim = 16;
  sam.iou_head_hidden_dim = 8;
  sam.mem_dim = 4;
  sam.mask_select = "fixed";
  config.loss.num_points = 32;
  return config;
}

at::Tensor values(const std::string& name, at::IntArrayRef shape) {
  auto x = at::empty(shape);
  fill(x, name, 21, Fill::normal(1));
  return x;
}

SamSegmenter tiny_segmenter(const config::ModelConfig& config, std::string_view preset) {
  SamSegmenter model(config, ModelParts::of(preset));
  model.initialise(9);
  std::set<std::string> names;
  for (const auto& [name, tensor] : model.named_parameters()) {
    if (name.find("sam_mask_decoder") != std::string::npos || name.starts_with("fusion.")) {
      names.insert(name);
    }
  }
  enable_gradients(model.named_state(), names);
  return model;
}

at::Tensor tiny_frames(std::int64_t count) {
  return (values("frames", {count, 3, 64, 64}).clamp(-2, 2) * 60 + 127).to(at::kByte);
}

// One video: two frames, two objects.
JointInput tiny_input(SamSegmenter& model, bool decoupled) {
  JointInput input;
  input.frames = model.encode(tiny_frames(2), false);
  input.samples = {{2, 2, 2}};
  input.h_v = values("h_v", {2, 16}).requires_grad_(true);
  if (decoupled) {
    input.h_t = values("h_t", {2, 16}).requires_grad_(true);
    input.h_r = values("h_r", {2, 16});
  }
  input.entries = fix_objects(input.samples, 5, {});
  input.targets = resize_masks(values("masks", {4, 50, 70}).gt(0), 16);
  return input;
}

TEST(SamSegmenter, StateIsThatOfTheInventory) {
  for (const auto preset :
       {config::Preset::Desa2va, config::Preset::Baseline, config::Preset::BaselinePretrain}) {
    for (const char* version : {"2.0", "2.1"}) {
      auto config = tiny_model();
      config.sam2.version = version;
      const auto kind = parameters::preset_of(preset);
      const SamSegmenter model(config, {kind.phase_a || kind.decoupler, kind.decoupler});
      auto own = model.named_state();
      for (const auto& parameter : parameters::inventory(config, kind)) {
        if (parameters::owner(parameter.name) != Role::Sam2) continue;
        ASSERT_TRUE(own.contains(parameter.name)) << parameter.name;
        EXPECT_EQ(own.at(parameter.name).sizes(), at::IntArrayRef(parameter.shape))
            << parameter.name;
        own.erase(parameter.name);
      }
      EXPECT_TRUE(own.empty()) << own.begin()->first;
    }
  }
}

TEST(SamSegmenter, TextDecoderStartsAsACopyAndCanBeCopiedBack) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  const auto state = model.named_state();
  const auto& visual = state.at("grounding_encoder.sam2_model.sam_mask_decoder.iou_token.weight");
  const auto& text = state.at("grounding_encoder.text_mask_decoder.iou_token.weight");
  EXPECT_TRUE(at::equal(visual, text));
  text.fill_(3);
  model.visual_decoder_from_text();
  EXPECT_TRUE(at::equal(visual, text));
}

TEST(SamSegmenter, InitialWeightsDependOnTheSeedAlone) {
  SamSegmenter a(tiny_model(), ModelParts::of("desa2va")),
      b(tiny_model(), ModelParts::of("baseline"));
  a.initialise(4);
  b.initialise(4);
  const auto of_a = a.named_state();
  for (const auto& [name, tensor] : b.named_state()) {
    EXPECT_TRUE(at::equal(tensor, of_a.at(name))) << name;
  }
}

TEST(Joint, RepeatedEntriesCountLikeSeparatelyDecodedOnes) {
  auto config = tiny_model();
  config.loss.sample_points = false;
  auto model = tiny_segmenter(config, "desa2va");
  auto input = tiny_input(model, true);
  const auto repeated = model.joint(input, {}, {});
  // The same list with each repeated prompt given as a prompt of its own.
  auto separate = input;
  separate.h_v = input.h_v.detach().repeat({5, 1});
  separate.h_t = input.h_t.detach().repeat({5, 1});
  separate.h_r = input.h_r.repeat({5, 1});
  separate.samples = {{10, 2, 2}};
  for (std::size_t i = 0; i < separate.entries.prompt_index.size(); ++i) {
    separate.entries.prompt_index[i] += 2 * static_cast<std::int64_t>(i % 5);
  }
  const auto apart = model.joint(separate, {}, {});
  for (const auto& [name, value] : repeated.losses.values) {
    EXPECT_NEAR(value, apart.losses.values.at(name), 1e-5 * (1 + std::abs(value))) << name;
  }
}

TEST(Joint, PhaseBHasNoFusionAndLeavesTheGateAlone) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  auto input = tiny_input(model, true);
  const auto result =
      model.joint(input, {Phase::B, /*reprompt=*/true}, counter_points(1, 0, tiny_model().loss));
  EXPECT_FALSE(result.losses.values.contains("mask_fused"));
  EXPECT_FALSE(result.losses.values.contains("mask_visual_reprompt"));
  result.losses.total.backward();
  EXPECT_FALSE(model.named_parameters().at("fusion.gate.weight").grad().defined());
  EXPECT_TRUE(input.h_t.grad().defined());
}

TEST(Joint, RepromptAddsASecondVisualLoss) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  auto input = tiny_input(model, true);
  const auto result =
      model.joint(input, {Phase::C, /*reprompt=*/true}, counter_points(1, 0, tiny_model().loss));
  EXPECT_TRUE(result.losses.values.contains("mask_visual_reprompt"));
  EXPECT_TRUE(result.losses.values.contains("mask_fused"));
  EXPECT_GT(result.alpha, 0);
  result.losses.total.backward();
  EXPECT_TRUE(model.named_parameters().at("fusion.gate.weight").grad().defined());
}

TEST(Joint, BaselineHasOneBranch) {
  auto model = tiny_segmenter(tiny_model(), "baseline");
  auto input = tiny_input(model, false);
  const auto result = model.joint(input, {}, counter_points(1, 0, tiny_model().loss));
  EXPECT_THAT(result.losses.values, ::testing::SizeIs(2));
  EXPECT_TRUE(result.losses.values.contains("mask_visual"));
}

TEST(Joint, NoEntriesGiveNoLossAndNoReference) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  JointInput input;
  input.frames = model.encode(tiny_frames(1), false);
  input.targets = at::zeros({0, 16, 16});
  const auto result = model.joint(input, {}, {});
  EXPECT_FALSE(result.losses.total.defined());
  EXPECT_EQ(result.v_ref.size(0), 0);
}

TEST(Joint, IouHeadLearnsOnlyWhereItsLossIsOn) {
  const std::string head =
      "grounding_encoder.sam2_model.sam_mask_decoder.iou_prediction_head.layers.2.weight";
  for (const double weight : {0.0, 0.5}) {
    auto config = tiny_model();
    config.loss.iou_weight = weight;
    auto model = tiny_segmenter(config, "desa2va");
    auto input = tiny_input(model, true);
    model.joint(input, {}, counter_points(1, 0, config.loss)).losses.total.backward();
    EXPECT_EQ(model.named_parameters().at(head).grad().defined(), weight > 0);
  }
}

TEST(Predict, AgreesWithTraining) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  auto input = tiny_input(model, true);
  const auto trained = model.joint(input, {Phase::C, true, /*keep_logits=*/true},
                                   counter_points(1, 0, tiny_model().loss));
  const auto predicted =
      model.predict(input.frames, input.h_t, input.h_v, {0, 0}, /*reprompt=*/true);
  EXPECT_TRUE(at::allclose(predicted.visual, trained.logits.at("visual_logits").slice(0, 0, 2),
                           1e-4, 1e-4));
  EXPECT_TRUE(at::allclose(predicted.reprompted,
                           trained.logits.at("fused_reprompt_logits").slice(0, 0, 2), 1e-4, 1e-4));
}

TEST(SamSegmenter, NarrowMasksAreTheWideOnesRoundedOnTheWay) {
  auto wide = tiny_segmenter(tiny_model(), "desa2va");
  auto narrow = tiny_segmenter(tiny_model(), "desa2va");
  narrow.to("cpu", at::kBFloat16);
  const auto h_t = values("h_t", {2, 16}), h_v = values("h_v", {2, 16});
  const auto a = wide.predict(wide.encode(tiny_frames(1), false), h_t, h_v, {0, 0}, true);
  const auto frames = narrow.encode(tiny_frames(1), false);
  EXPECT_EQ(frames.p3.scalar_type(), at::kBFloat16);
  const auto b = narrow.predict(frames, h_t, h_v, {0, 0}, true);
  for (const auto& [x, y] : {std::pair{a.visual, b.visual},
                             {a.text, b.text},
                             {a.reprompted, b.reprompted},
                             {a.iou_visual, b.iou_visual}}) {
    EXPECT_EQ(y.scalar_type(), at::kFloat);
    const double largest = x.abs().max().item<double>();
    EXPECT_LT((x - y).abs().max().item<double>(), 0.1 * largest);
    EXPECT_FALSE(at::equal(x, y));
  }
}

TEST(SamSegmenter, WhatStaysFloatInANarrowModel) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  model.to("cpu", at::kBFloat16);
  const std::string sam = "grounding_encoder.sam2_model.";
  for (const auto& [name, tensor] : model.named_state()) {
    const bool head = name.find("iou_prediction_head.") != std::string::npos ||
                      name.find("pred_obj_score_head.") != std::string::npos;
    const bool narrow =
        !head && (name.starts_with(sam + "image_encoder.") || name.starts_with(kVisualDecoder) ||
                  name.starts_with(kTextDecoder));
    EXPECT_EQ(tensor.scalar_type(), narrow ? at::kBFloat16 : at::kFloat) << name;
  }
}

TEST(Joint, NarrowModelsGiveFloatLossesAndFloatPromptGradients) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  model.to("cpu", at::kBFloat16);
  auto input = tiny_input(model, true);
  const auto result =
      model.joint(input, {Phase::C, /*reprompt=*/true}, counter_points(1, 0, tiny_model().loss));
  EXPECT_EQ(result.losses.total.scalar_type(), at::kFloat);
  EXPECT_EQ(result.v_ref.scalar_type(), at::kFloat);
  result.losses.total.backward();
  EXPECT_EQ(input.h_v.grad().scalar_type(), at::kFloat);
  EXPECT_GT(input.h_t.grad().abs().sum().item<double>(), 0);
}

TEST(PhaseA, TrainsTheEncoderOnlyWhereItWasEncodedWithAGraph) {
  auto model = tiny_segmenter(tiny_model(), "desa2va");
  const std::string encoder = "grounding_encoder.sam2_model.image_encoder.trunk.pos_embed";
  enable_gradients(model.named_state(),
                   {encoder, "grounding_encoder.text_mask_decoder.mask_tokens.weight"});
  for (const bool with_grad : {false, true}) {
    PhaseAInput input;
    input.frames = model.encode(tiny_frames(2), with_grad);
    input.h_r = values("h_r", {2, 16}).requires_grad_(true);
    input.object_frame = {0, 0, 1};
    input.object_text = {0, 1, 1};
    input.targets = resize_masks(values("masks", {3, 50, 70}).gt(0), 16);
    const auto result = model.phase_a(input, counter_points(1, 0, tiny_model().loss));
    result.losses.total.backward();
    EXPECT_TRUE(input.h_r.grad().defined());
    EXPECT_EQ(model.named_parameters().at(encoder).grad().defined(), with_grad);
  }
}

TEST(PooledReference, IsTheMeanUnderTheMaskOverAllFrames) {
  auto p3 = at::zeros({2, 1, 2, 2});
  p3[0].fill_(1);
  p3[1].fill_(5);
  auto masks = at::zeros({4, 2, 2});
  masks[0][0][0] = 1;  // object 0: one pixel on frame 0, three on frame 1
  masks[1].fill_(1);
  masks[1][0][0] = 0;
  const auto pooled = pool_under_masks(p3, masks, std::vector<SampleCounts>{{2, 2, 2}});
  EXPECT_FLOAT_EQ(pooled[0][0].item<float>(), 4);  // (1 + 3 * 5) / 4
  EXPECT_FLOAT_EQ(pooled[1][0].item<float>(), 3);  // empty: everything
}

}  // namespace
}  // namespace desa2va::models
