#include "common/synth/bpe_trainer.h"

#include <gtest/gtest.h>

namespace desa2va::synth {
namespace {

using text::Tokenizer;

TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  const std::vector<std::string> texts = {"ab ab ab cd cd"};
  BpeTraining training;
  training.vocabulary = 257;
  training.added = default_added_tokens();
  const auto vocabulary = train_bpe(texts, training);
  ASSERT_TRUE(vocabulary);
  ASSERT_EQ(vocabulary->merges.size(), 1U);
  EXPECT_EQ(vocabulary->merges[0], (std::pair<std::string, std::string>{"a", "b"}));
  EXPECT_EQ(vocabulary->tokens.at("ab"), 256);
  EXPECT_EQ(vocabulary->added.at("<|endoftext|>"), 257);
}

TEST(BpeTrainer, OfEquallyFrequentPairsTheFirstBytesWin) {
  const std::vector<std::string> texts = {"zz", "zz", "aa", "aa"};
  const auto vocabulary = train_bpe(texts, {257, 2, default_added_tokens()});
  ASSERT_TRUE(vocabulary);
  EXPECT_EQ(vocabulary->merges[0].first, "a");
}

TEST(BpeTrainer, StopsWhenNoPairIsFrequentEnough) {
  const std::vector<std::string> texts = {"abc"};
  const auto vocabulary = train_bpe(texts, {400, 2, default_added_tokens()});
  ASSERT_TRUE(vocabulary);
  EXPECT_TRUE(vocabulary->merges.empty());
  EXPECT_EQ(vocabulary->added.at("[SEG]"), 256 + 6);
}

TEST(BpeTrainer, FrequentWordsBecomeOneToken) {
  const std::vector<std::string> texts(5, "the small red ring moving left");
  const auto vocabulary = train_bpe(texts, {400, 2, default_added_tokens()});
  ASSERT_TRUE(vocabulary);
  const auto tokenizer = Tokenizer::build(*vocabulary);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->encode("the small red ring moving left").size(), 6U);
}

TEST(BpeTrainer, ManyEqualLettersMergeWithoutOverlap) {
  const std::vector<std::string> texts(3, "aaaaaaaaa");
  const auto vocabulary = train_bpe(texts, {300, 2, default_added_tokens()});
  ASSERT_TRUE(vocabulary);
  const auto tokenizer = Tokenizer::build(*vocabulary);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("aaaaaaaaa")), "aaaaaaaaa");
  EXPECT_EQ(tokenizer->encode("aaaaaaaaa").size(), 1U);
}

TEST(BpeTrainer, FewerTokensThanBytesAreRefused) {
  const auto vocabulary = train_bpe({}, {255, 2, {}});
  ASSERT_FALSE(vocabulary);
  EXPECT_NE(vocabulary.error().message().find("vocabulary=255"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::synth
