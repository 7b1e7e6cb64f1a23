#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/evaluation/captions/characters.h"

// The tokenizer behind ptb.h; no one else's.
//
// Rules were found by running the tokenizer that pycocoevalcap uses over captions and over made-up
// corner cases; they cover what captions contain, not the whole of its grammar (web addresses with
// odd characters, smileys, markup of other languages).
namespace desa2va::evaluation {

// One caption, read once from the left. A rule looks at what begins at `at_`: it takes that, adds
// its tokens and says true, or leaves everything as it was.
class PtbLexer {
 public:
  explicit PtbLexer(std::string_view caption);
  std::vector<std::string> run();

 private:
  // ptb.cpp
  bool tag();
  bool entity();
  bool fraction();
  bool number();
  bool address();
  bool smiley();
  void symbol();  // whatever no rule took

  // ptb_words.cpp
  bool word();
  bool leading_apostrophe();
  bool acronym(std::size_t begin, std::size_t end);
  bool split_word(std::size_t begin, std::size_t end);
  std::size_t word_end(std::size_t begin) const;
  bool apostrophe_inside(std::size_t begin, std::size_t apostrophe) const;
  std::size_t contraction_length(std::size_t apostrophe) const;
  bool keeps_stop(std::size_t begin, std::size_t end) const;

  void emit(std::string token);  // in lower case, unless it is punctuation
  void emit_range(std::size_t begin, std::size_t end);
  void replace(std::size_t end, const char* token);

  static bool is_word(char32_t c) { return is_letter(c) || is_digit(c); }
  char32_t at(std::size_t i) const { return i < text_.size() ? text_[i] : U'\0'; }
  std::size_t digits_from(std::size_t i) const {
    while (is_digit(at(i))) ++i;
    return i;
  }
  std::size_t letters_end(std::size_t i) const {
    while (is_word(at(i))) ++i;
    return i;
  }
  std::string lowered(std::size_t begin, std::size_t end) const;

  std::u32string text_;
  std::size_t at_ = 0;
  std::vector<std::string> tokens_;
};

}  // namespace desa2va::evaluation
