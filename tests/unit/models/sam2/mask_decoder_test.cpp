#include "common/models/sam2/mask_decoder.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "common/models/sam2/hiera.h"
#include "common/models/sam2/memory_attention.h"
#include "common/models/weights/initialise.h"

namespace desa2va::models::sam2 {
namespace {

at::Tensor drawn(const std::string& name, at::IntArrayRef shape) {
  auto x = at::empty(shape);
  fill(x, name, 31, Fill::normal(1));
  return x;
}

config::SamConfig small_decoder() {
  config::SamConfig config;
  config.dim = 16;
  config.decoder_heads = 2;
  config.decoder_mlp_dim = 16;
  config.iou_head_hidden_dim = 8;
  return config;
}

TEST(MaskDecoder, FramesStoredOnceGiveWhatRepeatedFramesGive) {
  MaskDecoder decoder(small_decoder());
  initialise(named_tensors(decoder), 2);
  DecoderInput input{drawn("src", {2, 16, 4, 4}),     drawn("p1", {2, 16, 16, 16}),
                     drawn("p2", {2, 16, 8, 8}),      drawn("pe", {1, 16, 4, 4}),
                     drawn("sparse", {3, 3, 16}),     drawn("dense", {1, 16, 1, 1}),
                     at::tensor({0, 1, 0}, at::kLong)};
  const auto once = decoder.all_masks(decoder.forward(input));
  const auto index = input.frame_index;
  input.src = input.src.index_select(0, index);
  input.p1 = input.p1.index_select(0, index);
  input.p2 = input.p2.index_select(0, index);
  input.frame_index = at::Tensor();
  EXPECT_TRUE(at::allclose(once, decoder.all_masks(decoder.forward(input)), 1e-4, 1e-5));
}

TEST(MaskDecoder, FixedChoiceIsTheFirstOfTheThree) {
  MaskDecoder decoder(small_decoder());
  initialise(named_tensors(decoder), 2);
  const auto output = decoder.forward({drawn("src", {1, 16, 4, 4}),
                                       drawn("p1", {1, 16, 16, 16}),
                                       drawn("p2", {1, 16, 8, 8}),
                                       drawn("pe", {1, 16, 4, 4}),
                                       drawn("sparse", {1, 3, 16}),
                                       drawn("dense", {1, 16, 1, 1}),
                                       {}});
  const auto selected = decoder.select(output, /*argmax_iou=*/false);
  EXPECT_EQ(selected.best.item<std::int64_t>(), 0);
  EXPECT_TRUE(at::allclose(selected.logits, decoder.all_masks(output).select(1, 1), 1e-4, 1e-5));
}

TEST(HieraBlocks, TheWindowLagsOneBlockBehindTheStage) {
  config::HieraConfig large;
  const auto blocks = hiera_blocks(large);
  ASSERT_EQ(blocks.size(), 48U);
  EXPECT_EQ(blocks[2].window, 8);
  EXPECT_TRUE(blocks[2].pool);
  EXPECT_EQ(blocks[3].window, 4);
  EXPECT_EQ(blocks[8].window, 4);
  EXPECT_EQ(blocks[9].window, 16);
  EXPECT_EQ(blocks[23].window, 0);
  EXPECT_EQ(blocks[44].window, 16);
  EXPECT_EQ(blocks[45].window, 8);
  EXPECT_EQ(blocks[47].dim_out, 1152);
  EXPECT_EQ(blocks[47].heads, 16);
}

TEST(Rotate, TurnsPairsAndKeepsTheirLength) {
  const auto x = drawn("x", {1, 1, 9, 8});
  const auto turned = rotate(x, axial_rope(8, 3, 3));
  EXPECT_TRUE(at::equal(turned.select(2, 0), x.select(2, 0)));  // position (0, 0)
  EXPECT_FALSE(at::allclose(turned, x));
  EXPECT_TRUE(at::allclose(turned.square().sum(), x.square().sum()));
}

}  // namespace
}  // namespace desa2va::models::sam2
