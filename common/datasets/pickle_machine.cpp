#include "common/datasets/pickle_machine.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace desa2va::datasets {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

// `digits` hexadecimal digits at `at`.
Result<std::uint32_t> hex_number(std::string_view text, std::size_t at, std::size_t digits) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = at + i < text.size() ? hex_digit(text[at + i]) : -1;
    if (digit < 0) return fail(Errc::Corrupt, "pickle: escape of {} hex digits is cut", digits);
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

// Length of the valid UTF-8 sequence at `at`, 0: none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  std::size_t length = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) length = 2;
  if (lead >= 0xe0 && lead < 0xf0) length = 3;
  if (lead >= 0xf0 && lead < 0xf5) length = 4;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

PickleRef PickleArena::node(PickleNode::Kind kind, std::string text) {
  PickleNode& node = nodes_.emplace_back();
  node.kind = kind;
  node.text = std::move(text);
  return &node;
}

PickleRef PickleArena::integer(std::int64_t value) {
  const PickleRef made = node(PickleNode::Kind::Integer);
  made->integer = value;
  return made;
}

Result<std::string_view> PickleInput::take(std::uint64_t count) {
  if (count > file_.size() - at_)
    return fail(Errc::Corrupt, "pickle: ends after {} bytes, {} more are due", file_.size(),
                count - (file_.size() - at_));
  const std::string_view taken = file_.substr(at_, count);
  at_ += count;
  return taken;
}

Result<std::uint8_t> PickleInput::byte() {
  DESA2VA_ASSIGN(const std::string_view taken, take(1));
  return static_cast<std::uint8_t>(taken[0]);
}

Result<std::uint64_t> PickleInput::little_endian(unsigned bytes) {
  DESA2VA_ASSIGN(const std::string_view taken, take(bytes));
  std::uint64_t value = 0;
  for (unsigned i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(taken[i]);
  return value;
}

Result<std::string_view> PickleInput::line() {
  const std::size_t end = file_.find('\n', at_);
  if (end == std::string_view::npos) return fail(Errc::Corrupt, "pickle: ends within a line");
  const std::string_view text = file_.substr(at_, end - at_);
  at_ = end + 1;
  return text;
}

Result<PickleRef> PickleStack::pop() {
  DESA2VA_ASSIGN(PickleRef node, top());
  values_.pop_back();
  return node;
}

Result<PickleRef> PickleStack::top() const {
  if (values_.empty()) return fail(Errc::Corrupt, "pickle: takes from an empty stack");
  return values_.back();
}

Result<std::vector<PickleRef>> PickleStack::pop_to_mark() {
  const auto is_mark = [](PickleRef node) { return node->kind == PickleNode::Kind::Mark; };
  const auto mark = std::find_if(values_.rbegin(), values_.rend(), is_mark);
  if (mark == values_.rend()) return fail(Errc::Corrupt, "pickle: no mark on the stack");
  std::vector<PickleRef> above(mark.base(), values_.end());
  values_.erase(mark.base() - 1, values_.end());
  return above;
}

Result<std::string> unquote_python(std::string_view quoted) {
  if (quoted.size() < 2 || (quoted.front() != '\'' && quoted.front() != '"') ||
      quoted.back() != quoted.front())
    return fail(Errc::Corrupt, "pickle: a string without quotes");
  const std::string_view text = quoted.substr(1, quoted.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    switch (const char c = text[++i]) {
      case 'n':
        out.push_back('\n');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'x': {
        DESA2VA_ASSIGN(const std::uint32_t code, hex_number(text, i + 1, 2));
        out.push_back(static_cast<char>(code));
        i += 2;
        break;
      }
      default:  // \\ \' \"
        out.push_back(c);
    }
  }
  return out;
}

Result<std::string> from_unicode_escape(std::string_view escaped) {
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool escape = escaped[i] == '\\' && i + 1 < escaped.size();
    const std::size_t digits = !escape                 ? 0
                               : escaped[i + 1] == 'u' ? 4
                               : escaped[i + 1] == 'U' ? 8
                                                       : 0;
    if (digits == 0) {
      append_utf8(out, static_cast<unsigned char>(escaped[i]));  // the rest is Latin-1
      continue;
    }
    DESA2VA_ASSIGN(std::uint32_t code, hex_number(escaped, i + 2, digits));
    i += digits + 1;
    // A pair of surrogates is one character.
    if (code >= 0xd800 && code < 0xdc00 && escaped.substr(i + 1, 2) == "\\u") {
      DESA2VA_ASSIGN(const std::uint32_t low, hex_number(escaped, i + 3, 4));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      i += 6;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return fail(Errc::Corrupt, "pickle: character {:#x} does not exist", code);
    append_utf8(out, code);
  }
  return out;
}

Result<std::int64_t> integer_from_bytes(std::string_view bytes) {
  if (bytes.size() > 8)
    return fail(Errc::Corrupt, "pickle: integer of {} bytes: allowed are up to 8", bytes.size());
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  const std::size_t bits = 8 * bytes.size();
  if (bits > 0 && bits < 64 && (value >> (bits - 1) & 1) != 0) value |= ~std::uint64_t{0} << bits;
  return static_cast<std::int64_t>(value);
}

Result<std::int64_t> integer_from_text(std::string_view digits) {
  if (!digits.empty() && digits.back() == 'L') digits.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return fail(Errc::Corrupt, "pickle: '{}' is no 64-bit integer", digits);
  return value;
}

std::string as_utf8(const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes, i);
    if (length == 0) {
      std::string out;
      for (const char c : bytes) append_utf8(out, static_cast<unsigned char>(c));
      return out;
    }
    i += length;
  }
  return bytes;
}

Result<std::string> to_latin1(const std::string& utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      out.push_back(utf8[i]);
    } else if ((c == 0xc2 || c == 0xc3) && i + 1 < utf8.size()) {
      out.push_back(static_cast<char>((c & 3) << 6 | (utf8[++i] & 0x3f)));
    } else {
      return fail(Errc::Corrupt, "pickle: bytes written as text hold a character above 255");
    }
  }
  return out;
}

}  // namespace desa2va::datasets
