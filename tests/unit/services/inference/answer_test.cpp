#include "services/inference/answer.h"

#include <gmock/gmock.h>

#include "tests/unit/preprocess/text/small_vocabulary.h"

namespace desa2va::inference {
namespace {

using ::testing::ElementsAre;

struct Heard {
  text::Tokenizer tokenizer = text::test::small_tokenizer();
  std::vector<std::string> stop_words = {"<|im_end|>", "<|endoftext|>"};
  std::vector<std::string> pieces;
  AnswerStream stream{tokenizer, stop_words,
                      [this](std::string_view piece) { pieces.emplace_back(piece); }};

  std::string all() const {
    std::string text;
    for (const auto& piece : pieces) text += piece;
    return text;
  }
  // Adds tokens until the stream has enough.
  void say(std::string_view text) {
    for (const auto id : tokenizer.encode(text)) {
      if (!stream.add(id)) return;
    }
  }
};

TEST(AnswerStream, EndsAtAStopWordAndDoesNotShowIt) {
  Heard heard;
  heard.say("It is [SEG].<|im_end|>and more");
  EXPECT_TRUE(heard.stream.stopped());
  EXPECT_EQ(heard.all(), "It is [SEG].");
  EXPECT_EQ(heard.stream.text(), "It is [SEG].");
  EXPECT_GT(heard.pieces.size(), 3U);  // as it comes, not at the end
}

TEST(AnswerStream, AStopWordOfManyTokensIsNeverShownInPart) {
  Heard heard;
  heard.stop_words = {"<|end|>"};
  heard.say("yes <|end");
  EXPECT_EQ(heard.all(), "yes ");
  heard.say("|> no");
  EXPECT_TRUE(heard.stream.stopped());
  EXPECT_EQ(heard.all(), "yes ");
}

TEST(AnswerStream, WhatOnlyLookedLikeAStopWordIsShownAfterAll) {
  Heard heard;
  heard.stop_words = {"<|end|>"};
  heard.say("a <|e");
  heard.stream.finish();
  EXPECT_FALSE(heard.stream.stopped());
  EXPECT_EQ(heard.all(), "a <|e");
}

TEST(AnswerStream, CharactersComeWhole) {
  Heard heard;
  // One token a byte, so every character of several bytes arrives in parts.
  heard.say("é→😀");
  heard.stream.finish();
  EXPECT_EQ(heard.all(), "é→😀");
  for (const auto& piece : heard.pieces) EXPECT_EQ(piece.find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(AnswerStream, BytesThatAreNoCharacterAreReplaced) {
  Heard heard;
  const auto whole = heard.tokenizer.encode("é");
  if (whole.size() > 1) {
    heard.stream.add(whole[0]);
    heard.stream.finish();
    EXPECT_EQ(heard.all(), "\xEF\xBF\xBD");
  }
}

TEST(PhrasesOf, TheKthPhraseIsThatOfTheKthMask) {
  EXPECT_THAT(phrases_of("<p> a man </p> [SEG] with <p>a dog</p> [SEG] and [SEG]", 3, "all"),
              ElementsAre("a man", "a dog", "all"));
  EXPECT_THAT(phrases_of("<p>a</p> <p>b</p> [SEG]", 1, "x"), ElementsAre("a"));
  EXPECT_THAT(phrases_of("It is [SEG].", 1, "the dog"), ElementsAre("the dog"));
  EXPECT_THAT(phrases_of("<p>open [SEG]", 1, "the dog"), ElementsAre("the dog"));
}

TEST(Printable, NothingReachesATerminalThatItWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc"), "a\xEF\xBF\xBD[2Jb\xEF\xBF\xBD\n\tc");
  EXPECT_EQ(printable("naïve"), "naïve");
}

}  // namespace
}  // namespace desa2va::inference
