#include "services/inference/ask.h"

#include <gmock/gmock.h>

#include "tests/unit/preprocess/text/small_vocabulary.h"

namespace desa2va::inference {
namespace {

using ::testing::HasSubstr;

text::Tokenizer small_tokenizer() {
  return text::test::small_tokenizer();
}

config::Config small_config() {
  config::Config config;
  config.model.vit.image_size = 56;
  config.model.vit.patch_size = 14;
  config.model.llm.max_length = 512;
  return config;
}

preprocess::Image grey(int width, int height) {
  auto image = preprocess::Image::allocate(width, height);
  std::ranges::fill(image.mutable_pixels(), std::uint8_t{128});
  return image;
}

TEST(Question, APhraseIsPutIntoASentence) {
  EXPECT_EQ(question_of("the dog on the left", Asking::Auto),
            "Please segment the dog on the left.");
  EXPECT_EQ(question_of("  The dog.\n", Asking::Auto), "Please segment The dog.");
  EXPECT_EQ(question_of("person in red", Asking::Auto), "Please segment person in red.");
}

TEST(Question, QuestionsAndRequestsStayAsTheyAre) {
  for (const char* text :
       {"Which one is faster?", "the red one, where is it?", "Please mark the dog.",
        "What is the man doing", "Describe this picture briefly", "segment the dog",
        "How many dogs are there"}) {
    EXPECT_EQ(question_of(text, Asking::Auto), text);
  }
}

TEST(Question, TheUserMayDecide) {
  EXPECT_EQ(question_of("the dog", Asking::Verbatim), "the dog");
  EXPECT_EQ(question_of("what barks?", Asking::Segment), "Please segment what barks?.");
  EXPECT_FALSE(asking_from("maybe"));
}

TEST(CheckText, EmptyTextsAndMarksAreRefusedByName) {
  const auto tokenizer = small_tokenizer();
  EXPECT_TRUE(check_text("the dog", tokenizer));
  EXPECT_TRUE(check_text("what does [SEG] mean?", tokenizer));
  for (const char* text : {"", " \n\t"}) {
    const auto refused = check_text(text, tokenizer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().exit_code(), 2);
    EXPECT_THAT(refused.error().message(), HasSubstr("--text is empty"));
  }
  for (const std::string mark : {"<image>", "<IMG_CONTEXT>", "<|im_end|>", "<img>"}) {
    const auto refused = check_text("the dog " + mark, tokenizer);
    ASSERT_FALSE(refused) << mark;
    EXPECT_THAT(refused.error().message(), HasSubstr(mark));
  }
}

TEST(MakePrompt, APictureHasItsTilesAndAVideoOneTileAFrame) {
  const auto tokenizer = small_tokenizer();
  const auto config = small_config();
  const auto marks = [&](const Prompt& prompt) {
    return std::ranges::count(prompt.ids, tokenizer.special().img_context);
  };
  const auto wide = make_prompt(config, tokenizer, MediaKind::Image, {grey(80, 40)}, "the dog");
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->tiles.size(), 3U);  // 2 x 1 and the thumbnail
  EXPECT_EQ(marks(*wide), 3 * 4);
  const auto video =
      make_prompt(config, tokenizer, MediaKind::Video, {grey(200, 100), grey(200, 100)}, "the dog");
  ASSERT_TRUE(video);
  EXPECT_EQ(video->tiles.size(), 2U);
  EXPECT_EQ(video->tiles[0].width, 56);
  EXPECT_EQ(marks(*video), 2 * 4);
  EXPECT_THAT(tokenizer.decode(video->ids), HasSubstr("</img>\n<img>"));
  EXPECT_THAT(tokenizer.decode(wide->ids),
              HasSubstr("</img>\nthe dog<|im_end|>\n<|im_start|>assistant\n"));
}

TEST(MakePrompt, ATextThatLeavesNoRoomForAnAnswerIsRefused) {
  const auto refused = make_prompt(small_config(), small_tokenizer(), MediaKind::Image,
                                   {grey(50, 50)}, std::string(100'000, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code(), 2);
  EXPECT_THAT(refused.error().message(), HasSubstr("llm.max_length=512"));
}

TEST(MakePrompt, PicturesOfAnyShapeFit) {
  const auto tokenizer = small_tokenizer();
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 20000}, {20000, 1}}) {
    EXPECT_TRUE(
        make_prompt(small_config(), tokenizer, MediaKind::Image, {grey(width, height)}, "x"));
  }
}

}  // namespace
}  // namespace desa2va::inference
