#include "common/models/desa2va/predictor.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <gmock/gmock.h>

#include "common/models/sam2/sam2_model.h"
#include "common/models/weights/initialise.h"
#include "common/tensor/bridge.h"

namespace desa2va::models {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kSam = "grounding_encoder.sam2_model.";

config::ModelConfig video_model() {
  config::ModelConfig config;
  auto& sam = config.sam2;
  sam.image_size = 64;
  sam.dim = 32;
  sam.hiera.embed_dim = 8;
  sam.hiera.num_heads = 1;
  sam.hiera.stages = {1, 1, 1, 1};
  sam.hiera.window_spec = {8, 4, 4, 2};
  sam.hiera.global_att_blocks = {2};
  sam.decoder_heads = 8;
  sam.decoder_mlp_dim = 16;
  sam.iou_head_hidden_dim = 8;
  sam.mem_dim = 8;
  sam.mem_mlp_dim = 32;
  return config;
}

at::Tensor drawn(const std::string& name, at::IntArrayRef shape) {
  auto x = at::empty(shape);
  fill(x, name, 77, Fill::normal(1));
  return x;
}

at::Tensor frame_of(std::int64_t number) {
  return (drawn("frame" + std::to_string(number), {1, 3, 64, 64}).clamp(-2, 2) * 60 + 127)
      .to(at::kByte);
}

struct World {
  explicit World(std::string_view preset = "desa2va")
      : config(video_model()), segmenter(config, ModelParts::of(preset)) {
    segmenter.initialise(9);
  }
  Prompts prompts(std::int64_t objects) const {
    Prompts out;
    out.z = drawn("z", {objects, 32});
    out.h_t = drawn("h_t", {objects, 32});
    out.h_v = drawn("h_v", {objects, 32});
    return out;
  }
  EncodedFrames frame(std::int64_t number) { return segmenter.encode(frame_of(number), false); }
  std::vector<at::Tensor> run(VideoPredictor& predictor, std::int64_t frames) {
    std::vector<at::Tensor> out;
    for (std::int64_t f = 0; f < frames; ++f) out.push_back(predictor.next(frame(f)).final);
    return out;
  }

  config::ModelConfig config;
  SamSegmenter segmenter;
};

// The same weights in a module of its own, which shows the tracker without what surrounds it.
std::shared_ptr<sam2::Sam2Model> sam_of(World& world) {
  auto sam = std::make_shared<sam2::Sam2Model>(world.config.sam2);
  const auto state = world.segmenter.named_state();
  for (const auto& [name, tensor] : named_tensors(*sam, kSam)) tensor.copy_(state.at(name));
  return sam;
}

TEST(VideoPredictor, IsTheTrackerThatForgetsNothing) {
  World world;
  const std::int64_t frames = 26;
  PredictorOptions options;
  options.branch = MaskBranch::Visual;
  options.bf16_memory = false;
  VideoPredictor predictor(world.segmenter, world.prompts(2), options, kFramesAhead);
  const auto got = world.run(predictor, frames);

  const auto sam = sam_of(world);
  sam2::Tracker tracker(*sam, world.config.sam2, {}, frames, [&](std::int64_t f) {
    const auto encoded = world.frame(f);
    return sam2::Pyramid{encoded.p1, encoded.p2, encoded.p3};
  });
  for (std::int64_t f = 0; f < 5; ++f) tracker.prompt_vector(f, world.prompts(2).h_v);
  tracker.encode_prompted();
  for (std::int64_t f = 0; f < frames; ++f) {
    const auto& output = tracker.track(f);
    EXPECT_TRUE(
        at::allclose(got[static_cast<std::size_t>(f)], output.low_res.squeeze(1), 1e-4, 1e-5))
        << "frame " << f;
  }
  EXPECT_GT(tracker.retained().memories, predictor.retained().memories);
}

TEST(VideoPredictor, HoldsTheSameAtFrame200AsAtFrame30) {
  World world;
  VideoPredictor predictor(world.segmenter, world.prompts(1), {}, kFramesAhead);
  const auto encoded = world.frame(0);
  sam2::Retained early;
  for (int f = 0; f < 200; ++f) {
    predictor.next(encoded);
    if (f == 29) early = predictor.retained();
  }
  const auto late = predictor.retained();
  EXPECT_EQ(early.frames, late.frames);
  EXPECT_EQ(early.memories, late.memories);
  EXPECT_EQ(early.masks, late.masks);
  // 5 prompted, the pointers of the last 15, the memories of the last 6, the mask of the last.
  EXPECT_EQ(late.frames, 5U + 15U);
  EXPECT_EQ(late.memories, 5U + 6U);
  EXPECT_EQ(late.masks, 5U + 1U);
}

TEST(VideoPredictor, GroupsOfObjectsDoNotChangeTheirMasks) {
  World world;
  PredictorOptions alone;
  alone.objects_at_once = 1;
  VideoPredictor together(world.segmenter, world.prompts(3), {}, 9);
  VideoPredictor apart(world.segmenter, world.prompts(3), alone, 9);
  for (std::int64_t f = 0; f < 9; ++f) {
    const auto a = together.next(world.frame(f));
    const auto b = apart.next(world.frame(f));
    EXPECT_TRUE(at::allclose(a.final, b.final, 1e-3, 1e-4)) << "frame " << f;
    EXPECT_EQ(b.final.size(0), 3);
    EXPECT_EQ(b.object_score.size(0), 3);
  }
}

TEST(VideoPredictor, PromptedFramesAreThoseOfTheSegmenter) {
  World world;
  const auto prompts = world.prompts(2);
  const auto encoded = world.frame(0);
  const auto expected = world.segmenter.predict(encoded, prompts.h_t, prompts.h_v, {0, 0}, true);
  const std::map<MaskBranch, at::Tensor> of = {{MaskBranch::Visual, expected.visual},
                                               {MaskBranch::Text, expected.text},
                                               {MaskBranch::Fused, expected.fused},
                                               {MaskBranch::Reprompted, expected.reprompted}};
  for (const auto& [branch, masks] : of) {
    PredictorOptions options;
    options.branch = branch;
    VideoPredictor predictor(world.segmenter, prompts, options, 1);
    EXPECT_EQ(predictor.prompted_frames(), 1);
    EXPECT_TRUE(at::equal(predictor.next(encoded).final, masks));
  }
}

TEST(VideoPredictor, WithoutMemoryEveryFrameIsThatOfTheSegmenter) {
  World world;
  const auto prompts = world.prompts(2);
  PredictorOptions options;
  options.every_frame = true;
  VideoPredictor predictor(world.segmenter, prompts, options, kFramesAhead);
  for (std::int64_t f = 0; f < 8; ++f) {
    const auto encoded = world.frame(f);
    const auto expected = world.segmenter.predict(encoded, prompts.h_t, prompts.h_v, {0, 0}, true);
    EXPECT_TRUE(at::equal(predictor.next(encoded).final, expected.reprompted)) << "frame " << f;
  }
  EXPECT_EQ(predictor.retained().frames, 0U);
}

TEST(VideoPredictor, ABaselineFollowsItsOnePrompt) {
  World world("baseline");
  auto prompts = world.prompts(1);
  prompts.h_t = prompts.h_v = at::Tensor();
  EXPECT_THROW(VideoPredictor(world.segmenter, prompts, {}, 8), c10::Error);
  PredictorOptions visual;
  visual.branch = MaskBranch::Visual;
  VideoPredictor predictor(world.segmenter, prompts, visual, 8);
  EXPECT_EQ(world.run(predictor, 8).size(), 8U);
}

TEST(VideoPredictor, TheTextBranchCanRunOnTrackedFramesToo) {
  World world;
  PredictorOptions options;
  VideoPredictor without(world.segmenter, world.prompts(1), options, 7);
  options.text_branch_on_tracked = true;
  VideoPredictor with(world.segmenter, world.prompts(1), options, 7);
  for (std::int64_t f = 0; f < 5; ++f) {
    EXPECT_TRUE(at::equal(without.next(world.frame(f)).final, with.next(world.frame(f)).final));
  }
  const auto plain = without.next(world.frame(5));
  const auto fused = with.next(world.frame(5));
  EXPECT_FALSE(plain.branches.text.defined());
  ASSERT_TRUE(fused.branches.text.defined());
  EXPECT_TRUE(at::equal(plain.final, fused.branches.visual));
  EXPECT_TRUE(at::equal(fused.final, fused.branches.fused));
  EXPECT_FALSE(at::equal(plain.final, fused.final));
}

std::map<std::string, HostTensor> own_original(SamSegmenter& segmenter) {
  std::map<std::string, HostTensor> tensors;
  const auto state = segmenter.named_state();
  for (const auto& name : segmenter.original_names()) {
    tensors.emplace(name, tensor::copy_to_host(state.at(name)));
  }
  return tensors;
}

TEST(KeyframePredictor, NeedsTheDecoderFromBeforeTraining) {
  World world;
  EXPECT_EQ(world.segmenter.original_names().size(), 131U + 10U);
  EXPECT_THROW(KeyframePredictor(world.segmenter, world.prompts(1), {}, 8), c10::Error);
  auto tensors = own_original(world.segmenter);
  tensors.erase(tensors.begin());
  EXPECT_ANY_THROW(world.segmenter.keep_original(tensors));
}

TEST(KeyframePredictor, PropagatesWithTheOriginalAndNotWithWhatWasTrained) {
  World world;
  world.segmenter.keep_original(own_original(world.segmenter));
  const auto masks = [&] {
    KeyframePredictor predictor(world.segmenter, world.prompts(1), {}, 9);
    for (const auto f : uniform_frames(9, 3)) predictor.add_keyframe(f, world.frame(f));
    std::vector<at::Tensor> out;
    for (std::int64_t f = 0; f < 9; ++f) out.push_back(predictor.next(world.frame(f)).final);
    return out;
  };
  const auto before = masks();
  // Keyframes give back their mask prompt.
  const auto prompts = world.prompts(1);
  const auto own =
      world.segmenter.predict(world.frame(4), prompts.h_t, prompts.h_v, {0}, true).reprompted;
  const auto prompt = at::upsample_bilinear2d(own.unsqueeze(1), {64, 64}, false).gt(0);
  const auto shown = at::upsample_bilinear2d(before[4].unsqueeze(1), {64, 64}, false).gt(0);
  EXPECT_GT((prompt == shown).to(at::kFloat).mean().item<double>(), 0.9);

  // Training goes on with the decoder; what propagates stays as it was. Keyframe masks are made by
  // the trained decoder, so only the frames between may agree, and with equal prompts they do.
  KeyframePredictor predictor(world.segmenter, world.prompts(1), {}, 9);
  for (const auto f : uniform_frames(9, 3)) predictor.add_keyframe(f, world.frame(f));
  for (const auto& [name, tensor] : world.segmenter.named_parameters()) {
    if (name.find("sam_mask_decoder") != std::string::npos) tensor.mul_(-1);
  }
  for (std::int64_t f = 0; f < 9; ++f) {
    EXPECT_TRUE(
        at::equal(predictor.next(world.frame(f)).final, before[static_cast<std::size_t>(f)]))
        << "frame " << f;
  }
}

TEST(UniformFrames, AreSpreadFromTheFirstToTheLast) {
  EXPECT_THAT(uniform_frames(1), ElementsAre(0));
  EXPECT_THAT(uniform_frames(2), ElementsAre(0, 1));
  EXPECT_THAT(uniform_frames(5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(uniform_frames(10), ElementsAre(0, 2, 5, 7, 9));
  EXPECT_THAT(uniform_frames(200), ElementsAre(0, 50, 100, 149, 199));
}

}  // namespace
}  // namespace desa2va::models
