#include "common/models/mllm/mllm.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "common/models/weights/initialise.h"
#include "common/parameters/inventory.h"
#include "common/tensor/gradients.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

constexpr std::int64_t kImage = 20, kSeg = 21;

config::ModelConfig tiny_config() {
  config::ModelConfig config;
  config.vit.image_size = 16;
  config.vit.patch_size = 4;  // 4 x 4 patches, 4 tokens a tile
  config.vit.hidden_size = 8;
  config.vit.num_attention_heads = 2;
  config.vit.num_hidden_layers = 1;
  config.vit.intermediate_size = 16;
  config.llm.vocab_size = 24;
  config.llm.hidden_size = 16;
  config.llm.num_hidden_layers = 1;
  config.llm.num_attention_heads = 2;
  config.llm.num_key_value_heads = 1;
  config.llm.intermediate_size = 24;
  config.llm.max_length = 32;
  config.llm.lora = {2, 4, 0.0};
  return config;
}

Mllm tiny_mllm() {
  const auto config = tiny_config();
  Mllm mllm(config.vit, config.llm, {kImage, kSeg});
  initialise_mllm(mllm, config.vit, config.llm, 3);
  return mllm;
}

at::Tensor longs(std::vector<std::int64_t> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kLong).view(shape);
}

at::Tensor tiles(std::int64_t count) {
  auto x = at::empty({count, 3, 16, 16});
  fill(x, "tiles", 2, Fill::uniform(1));
  return ((x + 1) * 127).to(at::kByte);
}

// One sample: <img tokens> 5 6 [SEG] 7.
MllmInput one_sample(const at::Tensor& pixels) {
  MllmInput input;
  input.ids = longs({kImage, kImage, kImage, kImage, 5, 6, kSeg, 7}, {1, 8});
  input.labels = longs({-100, -100, -100, -100, -100, 6, kSeg, 7}, {1, 8});
  input.lengths = longs({8}, {1});
  input.tiles = pixels;
  input.tiles_per_sample = {1};
  return input;
}

TEST(Mllm, TensorsAreThoseOfTheInventory) {
  const auto config = tiny_config();
  const auto tensors = tiny_mllm().named_tensors();
  std::size_t count = 0;
  for (const auto& parameter : parameters::inventory(config, {})) {
    if (parameters::owner(parameter.name) != Role::Mllm) continue;
    ++count;
    ASSERT_TRUE(tensors.contains(parameter.name)) << parameter.name;
    EXPECT_EQ(tensors.at(parameter.name).sizes(), at::IntArrayRef(parameter.shape))
        << parameter.name;
  }
  EXPECT_EQ(tensors.size(), count);
}

TEST(Mllm, FirstWeightsLeaveLoraWithoutEffect) {
  for (const auto& [name, tensor] : tiny_mllm().named_tensors()) {
    if (name.ends_with("lora_B.default.weight")) {
      EXPECT_EQ(tensor.abs().sum().item<float>(), 0.0F) << name;
    }
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
}

TEST(Mllm, ImageRowsReachTheSegState) {
  const auto mllm = tiny_mllm();
  const auto a = mllm.forward(one_sample(tiles(1)), {});
  const auto b = mllm.forward(one_sample(tiles(2).slice(0, 1)), {});
  EXPECT_EQ(a.seg_hidden.sizes(), (at::IntArrayRef{1, 16}));
  EXPECT_EQ(a.seg_sample, std::vector<std::int64_t>{0});
  EXPECT_TRUE(test::is_equal(a.seg_hidden[0], a.hidden[0][6]));
  EXPECT_TRUE(test::is_equal(a.before_seg[0], a.hidden[0][5]));
  EXPECT_FALSE(at::allclose(a.seg_hidden, b.seg_hidden));
}

TEST(Mllm, SamplesOfABatchAreWhatTheyAreAlone) {
  const auto mllm = tiny_mllm();
  const auto two = tiles(2);
  auto batch = one_sample(two);
  batch.ids = at::cat({longs({5, kSeg, 6, 0, 0, 0, 0, 0}, {1, 8}), batch.ids,
                       longs({kImage, kImage, kImage, kImage, kSeg, 0, 0, 0}, {1, 8})},
                      0);
  batch.labels = at::full({3, 8}, -100, at::kLong);
  batch.lengths = longs({3, 8, 5}, {3});
  batch.tiles_per_sample = {0, 1, 1};
  const auto together = mllm.forward(batch, {});
  EXPECT_EQ(together.seg_sample, (std::vector<std::int64_t>{0, 1, 2}));
  const auto alone = mllm.forward(one_sample(two.slice(0, 0, 1)), {});
  EXPECT_TRUE(test::is_close(together.seg_hidden.slice(0, 1, 2), alone.seg_hidden));
}

// A sample of no region, and one of two tiles whose regions are these cells of the last.
MllmInput with_regions(std::vector<std::int64_t> cells) {
  auto input = one_sample(tiles(3));
  const auto count = static_cast<std::int64_t>(cells.size()) / 4;
  auto alone = at::cat({one_sample({}).ids, at::full({1, 6}, 5, at::kLong)}, 1);
  auto asked = at::cat({at::full({1, 12}, kImage, at::kLong), longs({kSeg, 7}, {1, 2})}, 1);
  input.ids = at::cat({alone, asked}, 0);
  input.labels = at::full({2, 14}, -100, at::kLong);
  input.lengths = longs({14, 14}, {2});
  input.tiles_per_sample = {1, 2};
  input.regions = longs(std::move(cells), {count, 2, 2}).to(at::kByte);
  input.regions_per_sample = {0, count};
  return input;
}

TEST(Mllm, RegionsTakeTheirCellsOfTheLastTileOfTheirSample) {
  const auto mllm = tiny_mllm();
  // A region of all cells is its tile once more.
  auto thrice = with_regions({1, 1, 1, 1});
  thrice.tiles = at::cat({thrice.tiles, thrice.tiles.slice(0, 2)}, 0);
  thrice.tiles_per_sample = {1, 3};
  thrice.regions = at::Tensor();
  thrice.regions_per_sample = {};
  const auto expected = mllm.forward(thrice, {}).seg_hidden;
  EXPECT_TRUE(test::is_close(mllm.forward(with_regions({1, 1, 1, 1}), {}).seg_hidden, expected));
  // So are its cells one region after another, in this order only.
  const auto in_order = with_regions({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1});
  EXPECT_TRUE(test::is_close(mllm.forward(in_order, {}).seg_hidden, expected));
  const auto turned = with_regions({0, 1, 1, 1, 1, 0, 0, 0});
  EXPECT_FALSE(at::allclose(mllm.forward(turned, {}).seg_hidden, expected));
}

TEST(Mllm, RegionsThatDoNotFitAreRefused) {
  const auto mllm = tiny_mllm();
  auto input = one_sample(tiles(1));
  input.regions = longs({0, 1, 1, 0}, {1, 2, 2}).to(at::kByte);
  input.regions_per_sample = {2};  // there is one
  EXPECT_THROW(mllm.forward(input, {}), c10::Error);
  input.regions_per_sample = {1};
  input.regions = longs({1}, {1, 1, 1}).to(at::kByte);  // of another grid
  EXPECT_THROW(mllm.forward(input, {}), c10::Error);
}

TEST(Mllm, ASampleCutWithinItsImageTakesTheFirstRows) {
  const auto mllm = tiny_mllm();
  auto cut = one_sample(tiles(2));
  cut.ids = longs({kImage, kImage, kImage, kSeg, 5, 5, 5, 5}, {1, 8});
  cut.ids = at::cat({cut.ids, one_sample({}).ids}, 0);
  cut.labels = at::full({2, 8}, -100, at::kLong);
  cut.lengths = longs({8, 8}, {2});
  cut.tiles_per_sample = {1, 1};
  const auto out = mllm.forward(cut, {});
  const auto alone = mllm.forward(one_sample(tiles(2).slice(0, 1)), {});
  EXPECT_TRUE(test::is_close(out.seg_hidden.slice(0, 1), alone.seg_hidden));
}

TEST(Mllm, MoreImageTokensThanEmbeddingsThrow) {
  auto input = one_sample({});
  input.tiles_per_sample = {0};
  EXPECT_THROW(tiny_mllm().forward(input, {}), c10::Error);
  input.tiles_per_sample = {2};
  EXPECT_THROW(tiny_mllm().forward(input, {}), c10::Error);
}

TEST(Mllm, ABlackTileIsThereAndAZeroFloatTileIsNot) {
  const auto mllm = tiny_mllm();
  const auto black = at::full({1, 3, 16, 16}, 0, at::TensorOptions().dtype(at::kByte));
  EXPECT_EQ(mllm.forward(one_sample(black), {}).image_embeds.size(0), 1);
  auto text = one_sample(black.to(at::kFloat));
  text.ids = longs({5, 6, kSeg, 7, 5, 5, 5, 5}, {1, 8});
  EXPECT_FALSE(mllm.forward(text, {}).image_embeds.defined());
}

TEST(Mllm, RecomputedLayersGiveTheSameBits) {
  auto config = tiny_config();
  config.llm.num_hidden_layers = 3;
  Mllm mllm(config.vit, config.llm, {kImage, kSeg});
  initialise_mllm(mllm, config.vit, config.llm, 3);
  const auto tensors = mllm.named_tensors();
  std::set<std::string> names;
  std::vector<at::Tensor> trained;
  for (const auto& [name, tensor] : tensors) {
    if (name.find("lora_B") != std::string::npos) fill(tensor, name, 7, Fill::normal(0.1));
    if (!parameters::trains(name, config, {}, Phase::C)) continue;
    names.insert(name);
    trained.push_back(tensor);
  }
  enable_gradients(tensors, names);
  const DropoutPlan dropout{.rate = 0.25, .seed = 4, .microbatch = 2, .max_length = 32};
  std::vector<std::vector<at::Tensor>> found;
  for (const bool recompute : {false, true}) {
    const auto out = mllm.forward(one_sample(tiles(1)), dropout, recompute);
    found.push_back(tensor::gradients({out.loss, out.seg_hidden},
                                      {at::full({}, 0.25), at::full({1, 16}, 0.5)}, trained));
    found.back().push_back(out.hidden.detach());
  }
  for (std::size_t i = 0; i < found[0].size(); ++i) {
    ASSERT_TRUE(found[0][i].defined());
    EXPECT_TRUE(test::is_equal(found[0][i], found[1][i]));
  }
  EXPECT_GT(found[0].size(), 3 * 14U);  // LoRA of three layers and more
}

TEST(Mllm, PaddingThatCarriesTheSegIdIsNoSeg) {
  auto input = one_sample(tiles(1));
  input.lengths = longs({6}, {1});
  EXPECT_EQ(tiny_mllm().forward(input, {}).seg_hidden.size(0), 0);
}

TEST(Mllm, SegTokensBeyondTheObjectsStayHere) {
  auto input = one_sample(tiles(1));
  input.ids = at::cat({longs({kSeg, 5, kSeg, 6, kSeg, 7, 5, 5}, {1, 8}), input.ids}, 0);
  input.labels = at::full({2, 8}, -100, at::kLong);
  input.lengths = longs({8, 8}, {2});
  input.tiles_per_sample = {0, 1};
  const auto all = tiny_mllm().forward(input, {});
  EXPECT_EQ(all.seg_sample, (std::vector<std::int64_t>{0, 0, 0, 1}));
  input.seg_counts = {2, 1};
  const auto some = tiny_mllm().forward(input, {});
  EXPECT_EQ(some.seg_sample, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_TRUE(test::is_equal(some.seg_hidden.slice(0, 0, 2), all.seg_hidden.slice(0, 0, 2)));
  EXPECT_TRUE(test::is_equal(some.seg_hidden[2], all.seg_hidden[3]));
  input.seg_counts = {0, 0};
  EXPECT_EQ(tiny_mllm().forward(input, {}).seg_hidden.size(0), 0);
  input.seg_counts = {4, 1};
  EXPECT_THROW(tiny_mllm().forward(input, {}), c10::Error);
}

TEST(Mllm, ANarrowModelGivesFloatStatesLossAndNearlyTheSameNumbers) {
  const auto wide = tiny_mllm();
  auto narrow = tiny_mllm();
  narrow.to("cpu", at::kBFloat16);
  const auto a = wide.forward(one_sample(tiles(1)), {});
  const auto b = narrow.forward(one_sample(tiles(1)), {});
  EXPECT_EQ(b.hidden.scalar_type(), at::kBFloat16);
  EXPECT_EQ(b.seg_hidden.scalar_type(), at::kFloat);
  EXPECT_EQ(b.loss.scalar_type(), at::kFloat);
  EXPECT_NEAR(a.loss.item<double>(), b.loss.item<double>(), 0.05);
  EXPECT_LT((a.seg_hidden - b.seg_hidden).abs().max().item<double>(), 0.2);
  EXPECT_FALSE(at::equal(a.seg_hidden, b.seg_hidden));
}

TEST(RealText, EmbedMeanIsTheMeanOfTheRealTokens) {
  const auto mllm = tiny_mllm();
  const auto matrix = mllm.embedding_snapshot();
  const auto x = mllm.real_text(longs({4, 9, 0, 7, 0, 0}, {2, 3}), longs({2, 1}, {2}),
                                RealTextSource::EmbedMean);
  EXPECT_TRUE(test::is_close(x[0], (matrix[4] + matrix[9]) / 2));
  EXPECT_TRUE(test::is_close(x[1], matrix[7]));
}

TEST(RealText, LlmTextIsTheLastTokensStateAndIgnoresLoraAndPadding) {
  const auto mllm = tiny_mllm();
  const auto x = mllm.real_text(longs({4, 9, 0, 7, 8, 9}, {2, 3}), longs({2, 3}, {2}),
                                RealTextSource::LlmText);
  for (const auto& [name, tensor] : mllm.named_tensors()) {
    if (name.find("lora_B") != std::string::npos) tensor.fill_(1);
  }
  const auto alone =
      mllm.real_text(longs({4, 9}, {1, 2}), longs({2}, {1}), RealTextSource::LlmText);
  EXPECT_TRUE(test::is_close(x.slice(0, 0, 1), alone));
  EXPECT_EQ(mllm.real_text(longs({}, {0, 3}), longs({}, {0}), RealTextSource::LlmText).size(0), 0);
}

TEST(RealText, ReadsTheSnapshotNotTheTrainedMatrix) {
  const auto mllm = tiny_mllm();
  const auto snapshot = mllm.embedding_snapshot();
  const auto ids = longs({4, 9}, {1, 2}), lengths = longs({2}, {1});
  for (const auto source : {RealTextSource::LlmText, RealTextSource::EmbedMean}) {
    const auto before = mllm.real_text(ids, lengths, source, snapshot);
    for (const auto& [name, tensor] : mllm.named_tensors()) {
      if (name.ends_with("embed_tokens.weight")) tensor.add_(1);
    }
    EXPECT_TRUE(test::is_equal(mllm.real_text(ids, lengths, source, snapshot), before));
    EXPECT_FALSE(at::allclose(mllm.real_text(ids, lengths, source), before));
  }
}

}  // namespace
}  // namespace desa2va::models
