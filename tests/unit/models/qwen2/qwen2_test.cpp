#include "common/models/qwen2/qwen2.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "common/tensor/gradients.h"
#include "tests/support/tensor_matchers.h"

namespace desa2va::models {
namespace {

config::LlmConfig tiny_llm() {
  config::LlmConfig config;
  config.vocab_size = 31;
  config.hidden_size = 16;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.intermediate_size = 24;
  config.max_length = 32;
  config.lora = {2, 4, 0.0};
  return config;
}

// Weights everywhere, LoRA's B included, large enough to matter.
std::shared_ptr<Qwen2> tiny_qwen2(const config::LlmConfig& config = tiny_llm()) {
  auto llm = std::make_shared<Qwen2>(config);
  initialise(named_tensors(*llm), 5);
  return llm;
}

at::Tensor ids() {
  return at::tensor({3, 1, 4, 1, 5, 9, 2, 6}, at::kLong).view({1, 8});
}

TEST(Qwen2, RightPaddingDoesNotChangeRealTokens) {
  const auto llm = tiny_qwen2();
  const auto padded = at::cat({ids(), at::full({1, 3}, 0, at::kLong)}, 1);
  const auto a = llm->forward(llm->embed(ids()), {});
  const auto b = llm->forward(llm->embed(padded), {});
  EXPECT_TRUE(test::is_close(a, b.slice(1, 0, 8)));
}

TEST(Qwen2, TokensDoNotSeeTheFuture) {
  const auto llm = tiny_qwen2();
  auto changed = ids().clone();
  changed[0][5] = 7;
  const auto a = llm->forward(llm->embed(ids()), {});
  const auto b = llm->forward(llm->embed(changed), {});
  EXPECT_TRUE(test::is_close(a.slice(1, 0, 5), b.slice(1, 0, 5)));
  EXPECT_FALSE(at::allclose(a.slice(1, 5, 6), b.slice(1, 5, 6)));
}

TEST(Qwen2, TheCacheGivesTheSameStatesTokenByToken) {
  const auto llm = tiny_qwen2();
  const auto embeds = llm->embed(ids());
  const auto whole = llm->forward(embeds, {});
  KvCache cache;
  std::vector<at::Tensor> states = {llm->forward(embeds.slice(1, 0, 3), {}, &cache)};
  for (std::int64_t t = 3; t < 8; ++t) {
    states.push_back(llm->forward(embeds.slice(1, t, t + 1), {}, &cache));
  }
  EXPECT_EQ(cache.length, 8);
  EXPECT_TRUE(test::is_close(at::cat(states, 1), whole));
  EXPECT_THROW(llm->forward(embeds.slice(1, 0, 2), {}, &cache), c10::Error);
}

TEST(Qwen2, LossIsTheMeanOverLabelsOfAllRows) {
  const auto llm = tiny_qwen2();
  const auto states = llm->forward(llm->embed(ids().view({2, 4})), {});
  // Row 0 predicts two tokens, row 1 one; the label at position 0 is predicted by nothing.
  const auto labels = at::tensor({8, 1, -100, 2, -100, -100, 3, -100}, at::kLong).view({2, 4});
  const auto log_p = llm->logits(states).log_softmax(-1);
  const auto expected = -(log_p[0][0][1] + log_p[0][2][2] + log_p[1][1][3]) / 3;
  EXPECT_TRUE(test::is_close(llm->loss(states, labels), expected));
}

TEST(Qwen2, WithoutLabelsTheLossAndItsGradientsAreZero) {
  const auto llm = tiny_qwen2();
  const auto embeds = llm->embed(ids()).detach().requires_grad_(true);
  const auto loss = llm->loss(llm->forward(embeds, {}), at::full({1, 8}, -100, at::kLong));
  EXPECT_EQ(loss.item<float>(), 0.0F);
  const auto g = tensor::gradients({loss}, {at::full({}, 1.0)}, {embeds});
  ASSERT_TRUE(g[0].defined());
  EXPECT_EQ(g[0].abs().sum().item<float>(), 0.0F);
}

TEST(Qwen2, LoraOffIsTheBaseModel) {
  auto plain = tiny_llm();
  plain.lora.r = 0;
  const auto base = tiny_qwen2(plain);
  const auto llm = tiny_qwen2();
  const auto from = named_tensors(*base);
  for (const auto& [name, tensor] : named_tensors(*llm)) {
    if (from.contains(name)) tensor.copy_(from.at(name));
  }
  const auto embeds = base->embed(ids());
  EXPECT_TRUE(test::is_equal(llm->forward(embeds, {.enabled = false, .dropout = {}}),
                             base->forward(embeds, {})));
  EXPECT_FALSE(at::allclose(llm->forward(embeds, {}), base->forward(embeds, {})));
}

TEST(Qwen2, MergedWeightsMakeAPlainModelOfTheSameFunction) {
  auto plain = tiny_llm();
  plain.lora.r = 0;
  const auto llm = tiny_qwen2();
  const auto target = tiny_qwen2(plain);
  auto from = named_tensors(*llm);
  for (const auto& [name, merged] : llm->merged()) from[name] = merged;
  for (const auto& [name, tensor] : named_tensors(*target)) tensor.copy_(from.at(name));
  const auto embeds = llm->embed(ids());
  EXPECT_TRUE(test::is_close(target->forward(embeds, {}), llm->forward(embeds, {})));
  EXPECT_EQ(llm->merged().size(), 14U);
}

TEST(Qwen2, ATiedHeadReadsTheEmbeddings) {
  auto config = tiny_llm();
  config.tie_word_embeddings = true;
  const auto llm = tiny_qwen2(config);
  EXPECT_FALSE(named_tensors(*llm).contains("lm_head.weight"));
  const auto states = llm->forward(llm->embed(ids()), {});
  EXPECT_TRUE(test::is_close(llm->logits(states), states.matmul(llm->embedding_matrix().t())));
}

TEST(Generate, StopsAtTheStopTokenAndNeverFeedsItBack) {
  const auto llm = tiny_qwen2();
  const auto prompt = llm->embed(ids());
  const auto free = generate(*llm, prompt, {6, {}, true});
  ASSERT_EQ(free.ids.size(), 6U);
  EXPECT_EQ(free.hidden.size(0), 5);
  EXPECT_EQ(free.logits.size(0), 6);
  const auto stopped = generate(*llm, prompt, {6, {free.ids[2]}, false});
  EXPECT_LE(stopped.ids.size(), 3U);
  EXPECT_EQ(stopped.ids.back(), free.ids[2]);
  EXPECT_EQ(stopped.hidden.size(0), static_cast<std::int64_t>(stopped.ids.size()) - 1);
}

TEST(Generate, OneTokenHasNoFedBackState) {
  const auto llm = tiny_qwen2();
  const auto made = generate(*llm, llm->embed(ids()), {1, {}, false});
  EXPECT_EQ(made.ids.size(), 1U);
  EXPECT_EQ(made.hidden.sizes(), (at::IntArrayRef{0, 16}));
}

}  // namespace
}  // namespace desa2va::models
