#include "common/preprocess/text/unicode.h"

#include <gtest/gtest.h>

namespace desa2va::text {
namespace {

TEST(Unicode, WhiteSpaceIsExactlyTheTwentyFiveCodePoints) {
  int spaces = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const CharClass kind = char_class(c);
    spaces += kind == CharClass::Space || kind == CharClass::Newline;
  }
  EXPECT_EQ(spaces, 25);
  for (const char32_t c : {0x200BU, 0x180EU, 0xFEFFU, 0x1CU, 0x1FU}) {
    EXPECT_EQ(char_class(c), CharClass::Other) << std::hex << static_cast<unsigned>(c);
  }
}

TEST(Unicode, LettersAndNumbersOfManyScripts) {
  for (const char32_t c : {U'a', U'é', U'中', U'ʰ', U'ª', U'א'}) {
    EXPECT_EQ(char_class(c), CharClass::Letter);
  }
  for (const char32_t c : {U'7', U'²', U'Ⅷ', U'٣', U'①'}) {
    EXPECT_EQ(char_class(c), CharClass::Number);
  }
}

TEST(Unicode, ComposesAndLeavesLigatures) {
  EXPECT_EQ(nfc("e\u0301"), "\u00E9");
  EXPECT_EQ(nfc("\u212A"), "K");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093C");  // excluded from composition
  EXPECT_EQ(nfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(nfc("\uFB01"), "\uFB01");
}

TEST(Unicode, MarksAreOrderedByClassAndLongRunsOfThemToo) {
  EXPECT_EQ(nfc("q\u0307\u0323"), "q\u0323\u0307");
  std::string mixed = "q";
  std::string ordered = "q";
  for (int i = 0; i < 100'000; ++i) mixed += i % 2 == 0 ? "\u0307" : "\u0323";
  for (int i = 0; i < 50'000; ++i) ordered += "\u0323";
  for (int i = 0; i < 50'000; ++i) ordered += "\u0307";
  EXPECT_EQ(nfc(mixed), ordered);
}

TEST(Unicode, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(nfc("a\xFF"), "a\uFFFD");
  EXPECT_EQ(nfc("\xC3"), "\uFFFD");                      // truncated
  EXPECT_EQ(nfc("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(decode_utf8("\xED\xA0\x80").code, 0xFFFDU);  // surrogate
  EXPECT_EQ(decode_utf8("\xF4\x90\x80\x80").code, 0xFFFDU);
}

TEST(Unicode, StripTakesBlanksOfEveryKindFromBothEnds) {
  EXPECT_EQ(strip(" \t\u3000a b\u00A0\n"), "a b");
  EXPECT_EQ(strip(" \n "), "");
  EXPECT_EQ(strip(""), "");
}

TEST(Unicode, LowerGoesBeyondAscii) {
  EXPECT_EQ(lower("RED ÉTÉ"), "red été");
}

TEST(Unicode, ClassesFollowTheVersionOfTheReference) {
  EXPECT_EQ(char_class(0x13460), CharClass::Letter);  // Unicode 16
  EXPECT_EQ(char_class(0x1CCF0), CharClass::Number);  // Unicode 16
  EXPECT_EQ(char_class(0x10FFFF), CharClass::Other);
}

TEST(Unicode, MarksThatTheReferenceDoesNotKnowStayWhereTheyAre) {
  const std::string lao = "q\u0EBA\u0334";  // class 9 since Unicode 12; U+0334 has class 1
  EXPECT_EQ(nfc(lao), lao);
  const std::string between = "e\u0EBA\u0301";  // a starter between: no composition
  EXPECT_EQ(nfc(between), between);
}

TEST(Unicode, WhatIsSurelyNormalIsNormal) {
  for (const std::string text : {"plain", "h\u00E9", "\u4E2D\uAC00\u0915", "q\u0EBA"}) {
    EXPECT_TRUE(surely_nfc(text));
    EXPECT_EQ(nfc(text), text);
  }
  EXPECT_FALSE(surely_nfc("e\u0301"));
  EXPECT_FALSE(surely_nfc("\u1100\u1161"));  // two parts of a Hangul syllable
  EXPECT_FALSE(surely_nfc("\xff"));
}

}  // namespace
}  // namespace desa2va::text
