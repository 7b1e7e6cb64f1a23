#include "common/preprocess/text/prompt.h"

#include "small_vocabulary.h"

namespace desa2va::text {
namespace {

Message human(std::string text) {
  return {Message::From::Human, std::move(text)};
}
Message answer(std::string text) {
  return {Message::From::Assistant, std::move(text)};
}

struct PromptTest : ::testing::Test {
  Tokenizer tokenizer = test::small_tokenizer();
  PromptTemplate form = *prompt_template("qwen_chat");
  PromptOptions options;

  PromptTest() { options.prompt_template = &form; }

  std::string decoded(const Encoded& encoded) { return tokenizer.decode(encoded.ids); }
  // The ids that have a loss, as text.
  std::string learned(const Encoded& encoded) {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < encoded.ids.size(); ++i) {
      if (encoded.labels[i] == kIgnoredLabel) continue;
      EXPECT_EQ(encoded.labels[i], encoded.ids[i]);
      ids.push_back(encoded.ids[i]);
    }
    return tokenizer.decode(ids);
  }
};

TEST_F(PromptTest, OnlyAnswersAndTheirSuffixHaveALoss) {
  const std::vector<Message> talk = {human("the red ring"), answer("It is [SEG]."), human("and"),
                                     answer("[SEG].")};
  const Encoded encoded = encode_conversation(tokenizer, talk, options);
  EXPECT_EQ(learned(encoded), "It is [SEG].<|im_end|>[SEG].<|im_end|>");
  ASSERT_EQ(encoded.seg_positions.size(), 2U);
  for (const auto at : encoded.seg_positions) {
    EXPECT_EQ(encoded.ids[static_cast<std::size_t>(at)], tokenizer.special().seg);
  }
}

TEST_F(PromptTest, EncoderVPutsASeparatorAfterEveryTurnAndStripsNothing) {
  const std::vector<Message> talk = {human(" a "), answer(" b ")};
  EXPECT_EQ(decoded(encode_conversation(tokenizer, talk, options)),
            "<|im_start|>user\n a <|im_end|>\n<|im_start|>assistant\n b <|im_end|>\n");
}

TEST_F(PromptTest, EncoderIStripsAndHasNoSeparator) {
  options.encoder = Encoder::I;
  const std::vector<Message> talk = {answer("dropped"), human(" a "), human(" b"), answer(" c\n")};
  EXPECT_EQ(decoded(encode_conversation(tokenizer, talk, options)),
            "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\nc<|im_end|>");
}

TEST_F(PromptTest, AnImageIsOnePairOfDelimitersAndAVideoOneAFrame) {
  options.image = {ImageBlock::Kind::Image, 2, 0, 3};
  const std::vector<Message> talk = {human("<image>\nx"), answer("y")};
  EXPECT_NE(decoded(encode_conversation(tokenizer, talk, options))
                .find("<img><IMG_CONTEXT><IMG_CONTEXT><IMG_CONTEXT><IMG_CONTEXT><IMG_CONTEXT>"
                      "<IMG_CONTEXT></img>\nx"),
            std::string::npos);
  options.image = {ImageBlock::Kind::Video, 0, 2, 1};
  EXPECT_EQ(options.image.text(), "<img><IMG_CONTEXT></img>\n<img><IMG_CONTEXT></img>");
}

TEST_F(PromptTest, WithoutAnImageOnlyEncoderIRemovesTheMarker) {
  const std::vector<Message> talk = {human("<image>x"), answer("y")};
  EXPECT_NE(decoded(encode_conversation(tokenizer, talk, options)).find("<image>"),
            std::string::npos);
  options.encoder = Encoder::I;
  EXPECT_EQ(decoded(encode_conversation(tokenizer, talk, options)).find("<image>"),
            std::string::npos);
}

TEST_F(PromptTest, ALongConversationIsCutAndItsLostSegsAreNotCounted) {
  const std::vector<Message> talk = {human("a"), answer("[SEG]"), human("b"), answer("[SEG]")};
  const Encoded whole = encode_conversation(tokenizer, talk, options);
  options.max_length = whole.seg_positions[1];
  const Encoded cut = encode_conversation(tokenizer, talk, options);
  EXPECT_EQ(cut.ids.size(), static_cast<std::size_t>(options.max_length));
  EXPECT_EQ(cut.labels.size(), cut.ids.size());
  EXPECT_EQ(cut.seg_positions.size(), 1U);
}

TEST_F(PromptTest, BracesInTheTextStay) {
  const std::vector<Message> talk = {human("the {input} {X}"), answer("{}")};
  EXPECT_NE(decoded(encode_conversation(tokenizer, talk, options)).find("the {input} {X}"),
            std::string::npos);
}

TEST_F(PromptTest, AnInstructionEndsWhereTheAnswerBegins) {
  const auto ids = encode_instruction(tokenizer, "the ring", options);
  EXPECT_EQ(tokenizer.decode(ids), "<|im_start|>user\nthe ring<|im_end|>\n<|im_start|>assistant\n");
}

TEST(PromptTemplate, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  const auto form = prompt_template("qwen");
  ASSERT_FALSE(form);
  EXPECT_NE(form.error().message().find("qwen_chat, phi3_chat"), std::string::npos);
}

TEST(PromptTemplate, TheRefcocoOverrideChangesTheInstructionAlone) {
  const PromptTemplate base = *prompt_template("qwen_chat");
  const PromptTemplate form = refcoco_phi3_override(base);
  EXPECT_EQ(form.before, "<|user|>\n");
  EXPECT_EQ(form.after, "<|end|><|assistant|>\n");
  EXPECT_EQ(form.suffix, base.suffix);
}

}  // namespace
}  // namespace desa2va::text
