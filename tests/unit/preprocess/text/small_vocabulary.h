#pragma once

#include <gtest/gtest.h>

#include "common/preprocess/text/tokenizer.h"
#include "common/synth/bpe_trainer.h"

// The vocabulary of the text tests: trained on a few sentences, 320 ordinary tokens.
namespace desa2va::text::test {

inline Vocabulary small_vocabulary() {
  const std::vector<std::string> texts = {"Please segment the small red ring.",
                                          "the large blue square moving left",
                                          "Where is the green disc? Reply with a mask.",
                                          "user\nassistant\n",
                                          "aaaaaaaaaaaaaaaa",
                                          "the red ring at the top, the red disc at the bottom"};
  synth::BpeTraining training;
  training.vocabulary = 320;
  training.added = synth::default_added_tokens();
  auto vocabulary = synth::train_bpe(texts, training);
  EXPECT_TRUE(vocabulary) << vocabulary.error().message();
  return std::move(*vocabulary);
}

inline Tokenizer small_tokenizer() {
  auto tokenizer = Tokenizer::build(small_vocabulary());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message();
  return std::move(*tokenizer);
}

}  // namespace desa2va::text::test
