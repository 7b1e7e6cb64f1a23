#include "common/datasets/gcg_answer.h"

#include <gtest/gtest.h>

namespace desa2va::datasets {
namespace {

TEST(GcgAnswer, MarksEveryPhrase) {
  EXPECT_EQ(gcg_answer("A man and a ball.", {{0, 5}, {10, 16}}),
            "<p> A man </p> [SEG] and <p> a ball </p> [SEG].");
}

TEST(GcgAnswer, WithoutPhrasesIsTheCaption) {
  EXPECT_EQ(gcg_answer("Nothing.", {}), "Nothing.");
}

TEST(GcgAnswer, CountsCharactersNotBytes) {
  EXPECT_EQ(gcg_answer("\xc3\xa9t\xc3\xa9 chat", {{4, 8}}),
            "\xc3\xa9t\xc3\xa9 <p> chat </p> [SEG]");
}

TEST(GcgAnswer, NestedSpansGiveTheMarkupOfTheReference) {
  const std::vector<TextSpan> nested = {{0, 22}, {10, 22}};
  EXPECT_EQ(gcg_answer("A girl in a blue skirt jumps.", nested),
            "<p> A girl in <p> a blue s </p> [SEG]kirt </p> [SEG] jumps.");
  EXPECT_EQ(gcg_answer("A girl in a blue skirt jumps.", trim_spans(nested)),
            "<p> A girl in </p> [SEG] <p> a blue skirt </p> [SEG] jumps.");
}

TEST(TrimSpans, LeavesSpansThatDoNotTouch) {
  const std::vector<TextSpan> apart = {{0, 4}, {5, 9}};
  EXPECT_EQ(trim_spans(apart), apart);
}

TEST(TrimSpans, ASpanAtTheSamePlaceBecomesEmpty) {
  const auto trimmed = trim_spans({{0, 4}, {0, 9}});
  EXPECT_EQ(trimmed[0], (TextSpan{0, 0}));
}

TEST(FindSpan, IsTheFirstPlaceInCharacters) {
  EXPECT_EQ(find_span("\xc3\xa9t\xc3\xa9: a dog, a dog", "a dog"), (TextSpan{5, 10}));
  EXPECT_FALSE(find_span("a cat", "a dog").has_value());
}

TEST(TextAt, BehindTheEndThereIsNothing) {
  EXPECT_EQ(text_at("short", {2, 99}), "ort");
  EXPECT_EQ(text_at("short", {50, 99}), "");
}

}  // namespace
}  // namespace desa2va::datasets
