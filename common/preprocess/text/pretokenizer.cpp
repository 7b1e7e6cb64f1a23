#include "common/preprocess/text/pretokenizer.h"

#include "common/preprocess/text/unicode.h"

namespace desa2va::text {

namespace {

struct Char {
  CharClass kind = CharClass::Other;
  char32_t code = 0;
  std::size_t length = 0;  // 0: end of text
};

class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {}

  std::size_t size() const { return text_.size(); }
  char operator[](std::size_t at) const { return text_[at]; }
  Char at(std::size_t at) const {
    if (at >= text_.size()) return {};
    const auto lead = static_cast<unsigned char>(text_[at]);
    if (lead < 0x80) return {table_.kind(lead), lead, 1};
    const Decoded c = decode_utf8(text_.substr(at));
    return {table_.kind(c.code), c.code, static_cast<std::size_t>(c.length)};
  }

 private:
  std::string_view text_;
  const CharTable& table_ = CharTable::get();
};

// Lower case of the letters in contractions by Unicode case folding: U+017F (long s) is an s.
char32_t fold(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c + 32;
  return c == 0x17F ? U's' : c;
}

// Length of 's 't 're 've 'm 'll 'd at the start, or 0.
std::size_t contraction(const Text& text) {
  if (text[0] != '\'') return 0;
  const Char first = text.at(1);
  if (first.length == 0) return 0;
  const char32_t a = fold(first.code);
  if (a == U's' || a == U't' || a == U'm' || a == U'd') return 1 + first.length;
  const Char second = text.at(1 + first.length);
  if (second.length == 0) return 0;
  const char32_t b = fold(second.code);
  const bool known =
      (a == U'r' && b == U'e') || (a == U'v' && b == U'e') || (a == U'l' && b == U'l');
  return known ? 1 + first.length + second.length : 0;
}

template <class Predicate>
std::size_t skip(const Text& text, std::size_t at, Predicate&& accept) {
  for (Char c = text.at(at); c.length != 0 && accept(c.kind); c = text.at(at)) {
    at += c.length;
  }
  return at;
}

bool is_space(CharClass kind) {
  return kind == CharClass::Space || kind == CharClass::Newline;
}

// A piece that starts with white space and is no prefix of a word or of punctuation.
std::size_t whitespace(const Text& text) {
  std::size_t at = 0;
  std::size_t after_newline = 0;  // end of the last CR or LF
  std::size_t last = 0;           // start of the last character
  for (Char c = text.at(0); c.length != 0 && is_space(c.kind); c = text.at(at)) {
    last = at;
    at += c.length;
    if (c.kind == CharClass::Newline) after_newline = at;
  }
  if (after_newline > 0) return after_newline;    // \s*[\r\n]+
  if (at == text.size() || last == 0) return at;  // \s+(?!\S) at the end; \s+ of one character
  return last;                                    // \s+(?!\S) gives the last one back
}

}  // namespace

std::size_t next_piece(std::string_view rest) {
  const Text text(rest);
  if (const std::size_t length = contraction(text); length > 0) return length;

  const auto is_letter = [](CharClass kind) { return kind == CharClass::Letter; };
  const Char first = text.at(0);
  if (first.kind == CharClass::Letter) return skip(text, first.length, is_letter);
  if (first.kind == CharClass::Number) return first.length;
  const Char second = text.at(first.length);
  if (first.kind != CharClass::Newline && second.length != 0 && is_letter(second.kind)) {
    return skip(text, first.length + second.length, is_letter);
  }

  const std::size_t start = first.code == U' ' ? first.length : 0;
  const auto is_other = [](CharClass kind) { return kind == CharClass::Other; };
  const std::size_t others = skip(text, start, is_other);
  if (others > start) {
    return skip(text, others, [](CharClass kind) { return kind == CharClass::Newline; });
  }
  return whitespace(text);
}

}  // namespace desa2va::text
