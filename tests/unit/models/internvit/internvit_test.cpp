#include "common/models/internvit/internvit.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "common/models/internvit/mlp1.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

// Value = (row * 4 + column) * 2 + channel.
TEST(PixelShuffle, FourByFourRampBecomesTwoByTwoBlocks) {
  const auto out = pixel_shuffle(at::arange(32, at::kFloat).view({1, 16, 2}), 4, 4)[0];
  const auto row = [](std::initializer_list<float> x) { return at::tensor(x); };
  EXPECT_TRUE(test::is_equal(out[0], row({0, 1, 2, 3, 8, 9, 10, 11})));
  EXPECT_TRUE(test::is_equal(out[1], row({4, 5, 6, 7, 12, 13, 14, 15})));
  EXPECT_TRUE(test::is_equal(out[2], row({16, 17, 18, 19, 24, 25, 26, 27})));
}

TEST(PixelShuffle, OddSidesAndWrongGridsThrow) {
  EXPECT_THROW(pixel_shuffle(at::full({1, 12, 2}, 0.0), 3, 4), c10::Error);
  EXPECT_THROW(pixel_shuffle(at::full({1, 12, 2}, 0.0), 4, 4), c10::Error);
}

config::VitConfig tiny_vit() {
  config::VitConfig config;
  config.image_size = 16;
  config.patch_size = 4;
  config.hidden_size = 8;
  config.num_attention_heads = 2;
  config.num_hidden_layers = 1;
  config.intermediate_size = 16;
  return config;
}

TEST(InternVit, TilesThatDoNotDivideIntoPatchesThrow) {
  const InternVit vit(tiny_vit());
  EXPECT_THROW(vit.forward(at::full({1, 3, 16, 18}, 0.0)), c10::Error);
  EXPECT_THROW(vit.forward(at::full({3, 16, 16}, 0.0)), c10::Error);
}

TEST(InternVit, HeadsMustDivideTheWidth) {
  auto config = tiny_vit();
  config.num_attention_heads = 3;
  EXPECT_THROW(InternVit{config}, c10::Error);
}

TEST(InternVit, TilesDoNotSeeEachOther) {
  const InternVit vit(tiny_vit());
  initialise(named_tensors(vit, "vision_model."), 1, InternVit::init_rules(tiny_vit()));
  auto pixels = at::empty({2, 3, 16, 16});
  fill(pixels, "pixels", 1, Fill::normal(1));
  const auto both = vit.forward(pixels);
  EXPECT_EQ(both.sizes(), (at::IntArrayRef{2, 17, 8}));
  EXPECT_TRUE(test::is_close(both.slice(0, 1), vit.forward(pixels.slice(0, 1))));
}

TEST(NormalisePixels, MeansAndDeviationsAreImageNets) {
  auto white = at::full({1, 3, 1, 1}, 255, at::TensorOptions().dtype(at::kByte));
  const auto x = normalise_pixels(white).flatten();
  EXPECT_NEAR(x[0].item<float>(), (1 - 0.485) / 0.229, 1e-6);
  EXPECT_NEAR(x[2].item<float>(), (1 - 0.406) / 0.225, 1e-6);
}

}  // namespace
}  // namespace desa2va::models
