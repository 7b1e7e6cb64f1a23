#include "common/preprocess/text/pretokenizer.h"

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/preprocess/text/unicode.h"

namespace desa2va::text {
namespace {

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t length = next_piece(text);
    out.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

using List = std::vector<std::string>;

TEST(Pretokenizer, ASpaceGoesWithTheWordAfterIt) {
  EXPECT_EQ(pieces("the red ring"), (List{"the", " red", " ring"}));
}
TEST(Pretokenizer, OfSeveralSpacesTheLastGoesWithTheWord) {
  EXPECT_EQ(pieces("a   b"), (List{"a", "  ", " b"}));
}
TEST(Pretokenizer, SpacesAtTheEndAreOnePiece) {
  EXPECT_EQ(pieces("a   "), (List{"a", "   "}));
}
TEST(Pretokenizer, SpacesUpToTheLastNewlineAreOnePiece) {
  EXPECT_EQ(pieces("a \n \n  b"), (List{"a", " \n \n", " ", " b"}));
}
TEST(Pretokenizer, NumbersStandOneByOne) {
  EXPECT_EQ(pieces("12x"), (List{"1", "2", "x"}));
}
TEST(Pretokenizer, ASpaceBeforeANumberStandsAlone) {
  EXPECT_EQ(pieces(" 1"), (List{" ", "1"}));
}
TEST(Pretokenizer, PunctuationTakesASpaceBeforeAndNewlinesAfter) {
  EXPECT_EQ(pieces("a ...\n\nb"), (List{"a", " ...\n\n", "b"}));
}
TEST(Pretokenizer, ContractionsIgnoreCaseAndKnowTheLongS) {
  EXPECT_EQ(pieces("it'S we'Re 'LL"), (List{"it", "'S", " we", "'Re", " '", "LL"}));
  EXPECT_EQ(pieces("it'\u017F"), (List{"it", "'\u017F"}));
}
TEST(Pretokenizer, ATypographicApostropheStartsNoContraction) {
  EXPECT_EQ(pieces("it\u2019s"), (List{"it", "\u2019s"}));
}
TEST(Pretokenizer, CombiningMarksAreNeitherLettersNorSpaces) {
  EXPECT_EQ(pieces("q\u0301x"), (List{"q", "\u0301x"}));
}

// The pattern, written down as it stands, alternative by alternative, on a vector of classes.
struct Slow {
  std::vector<char32_t> code;
  std::vector<CharClass> kind;
  bool letter(std::size_t i) const { return i < kind.size() && kind[i] == CharClass::Letter; }
  bool number(std::size_t i) const { return i < kind.size() && kind[i] == CharClass::Number; }
  bool newline(std::size_t i) const { return i < kind.size() && kind[i] == CharClass::Newline; }
  bool space(std::size_t i) const {
    return newline(i) || (i < kind.size() && kind[i] == CharClass::Space);
  }
  bool other(std::size_t i) const { return i < kind.size() && kind[i] == CharClass::Other; }

  std::size_t contraction(std::size_t i) const {
    if (code[i] != U'\'') return 0;
    for (const std::u32string ending : {U"s", U"t", U"re", U"ve", U"m", U"ll", U"d"}) {
      bool equal = i + ending.size() < code.size();
      for (std::size_t k = 0; equal && k < ending.size(); ++k) {
        const char32_t c = code[i + 1 + k];
        equal = c == ending[k] || (c < 128 && (c | 32U) == ending[k]) ||
                (ending[k] == U's' && c == 0x17F);
      }
      if (equal) return 1 + ending.size();
    }
    return 0;
  }
  std::size_t end(std::size_t i) const {
    if (const std::size_t n = contraction(i)) return i + n;
    for (const std::size_t skipped : {1U, 0U}) {  // [^\r\n\p{L}\p{N}]?\p{L}+
      if (skipped == 1 && (newline(i) || letter(i) || number(i))) continue;
      std::size_t k = i + skipped;
      while (letter(k)) ++k;
      if (k > i + skipped) return k;
    }
    if (number(i)) return i + 1;
    for (const std::size_t skipped : {1U, 0U}) {  // ' ?[^\s\p{L}\p{N}]+[\r\n]*'
      if (skipped == 1 && code[i] != U' ') continue;
      std::size_t k = i + skipped;
      while (other(k)) ++k;
      if (k == i + skipped) continue;
      while (newline(k)) ++k;
      return k;
    }
    std::size_t run = i;
    while (space(run)) ++run;
    for (std::size_t k = run; k > i; --k) {  // \s*[\r\n]+
      if (newline(k - 1)) return k;
    }
    for (std::size_t k = run; k > i; --k) {  // \s+(?!\S)
      if (k == code.size() || space(k)) return k;
    }
    return run;  // \s+
  }
};

TEST(Pretokenizer, AgreesWithTheWrittenPatternOnRandomText) {
  const std::vector<std::string> alphabet = {"a", "S", "t",  "r",      "e",      "l",      "'",
                                             " ", " ", "\n", "\r",     "\t",     "1",      ".",
                                             "!", "é", "中", "\u00A0", "\u0301", "\u017F", "²"};
  const Random random(7, "test", "pieces");
  std::uint64_t at = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const auto length = 1 + random.below(at++, 14);
    for (std::uint32_t i = 0; i < length; ++i) {
      text += alphabet[random.below(at++, static_cast<std::uint32_t>(alphabet.size()))];
    }
    Slow slow;
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < text.size();) {
      const Decoded c = decode_utf8(std::string_view(text).substr(i));
      slow.code.push_back(c.code);
      slow.kind.push_back(char_class(c.code));
      offsets.push_back(i);
      i += static_cast<std::size_t>(c.length);
    }
    offsets.push_back(text.size());
    List expected;
    for (std::size_t i = 0; i < slow.code.size();) {
      const std::size_t end = slow.end(i);
      expected.push_back(text.substr(offsets[i], offsets[end] - offsets[i]));
      i = end;
    }
    ASSERT_EQ(pieces(text), expected) << text;
  }
}

}  // namespace
}  // namespace desa2va::text
