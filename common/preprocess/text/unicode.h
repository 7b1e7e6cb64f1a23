#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The few facts about Unicode that the tokenizer needs. Classes and NFC come from utf8proc
// (Unicode 15), which shows its face in unicode.cpp only.
namespace desa2va::text {

enum class CharClass : std::uint8_t {
  Letter,   // \p{L}
  Number,   // \p{N}
  Newline,  // CR, LF
  Space,    // the rest of White_Space: 25 code points with CR and LF
  Other,
};

CharClass char_class(char32_t c);

// The same for all code points at once, for loops; made at the first call, never changed.
// `inert`: alone and after any character NFC leaves it as it is.
class CharTable {
 public:
  static const CharTable& get();
  CharClass kind(char32_t c) const { return static_cast<CharClass>(entries_[c] & 7U); }
  bool inert(char32_t c) const { return (entries_[c] & 8U) != 0; }

 private:
  CharTable();
  std::vector<std::uint8_t> entries_;
};

// One code point and the bytes it takes, from the start of `utf8` (not empty). A byte that starts
// no valid sequence (truncated, overlong, surrogate, above U+10FFFF) is U+FFFD of length 1.
struct Decoded {
  char32_t code = 0;
  int length = 0;
};
Decoded decode_utf8(std::string_view utf8);

void append_utf8(std::string& out, char32_t c);

// Normalization form C as of Unicode 9, which the reference's tokenizer knows (README:
// "Decisions"); invalid bytes become U+FFFD. Linear time, also for long runs of marks.
std::string nfc(std::string_view utf8);
// Whether `nfc` would give the very same bytes; may say no where it would. Quick.
bool surely_nfc(std::string_view utf8);

// Without the blanks at both ends, as Python's str.strip: White_Space and U+001C..U+001F.
std::string_view strip(std::string_view utf8);
// Lower case, one character for one; invalid bytes become U+FFFD.
std::string lower(std::string_view utf8);

}  // namespace desa2va::text
