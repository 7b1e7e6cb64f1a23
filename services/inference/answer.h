#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/preprocess/text/prompt.h"
#include "common/preprocess/text/tokenizer.h"

// The answer in words, as it comes token by token.
namespace desa2va::inference {

// Tokens to text while they come. What may still become part of a stop word or of a character is
// held back, so what was handed out never has to be taken back.
class AnswerStream {
 public:
  // `show` gets pieces of valid UTF-8, may be empty. The references must outlive it.
  AnswerStream(const text::Tokenizer& tokenizer, const std::vector<std::string>& stop_words,
               std::function<void(std::string_view)> show);

  // False when the answer is complete: a stop word came.
  bool add(text::TokenId id);
  // No more tokens: hands out what was held back.
  void finish();

  bool stopped() const { return stopped_; }
  // Without the stop word and blanks at the ends.
  std::string text() const;

 private:
  void hand_out(std::size_t end);

  const text::Tokenizer& tokenizer_;
  const std::vector<std::string>& stop_words_;
  std::function<void(std::string_view)> show_;
  std::string all_;
  std::size_t shown_ = 0;
  bool stopped_ = false;
};

// What each [SEG] of the answer stands for: the phrase in <p> </p> before it (the k-th for the
// k-th, as in grounded captions), else `fallback`. `count` entries.
std::vector<std::string> phrases_of(std::string_view answer, std::size_t count,
                                    std::string_view fallback);

// For a terminal: control characters other than newline and tab become U+FFFD.
std::string printable(std::string_view text);

}  // namespace desa2va::inference
