#include "common/preprocess/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/preprocess/text/unicode_versions.h"

namespace desa2va::text {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

CharClass class_of_any(char32_t c) {
  switch (c) {  // White_Space outside the categories utf8proc would tell
    case U'\r':
    case U'\n':
      return CharClass::Newline;
    case U'\t':
    case 0x0B:
    case 0x0C:
    case 0x85:
      return CharClass::Space;
    default:
      break;
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::Letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::Number;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return CharClass::Space;
    default:
      if (is_within(c, kLaterLetters)) return CharClass::Letter;
      return is_within(c, kLaterNumbers) ? CharClass::Number : CharClass::Other;
  }
}

bool is_unknown(char32_t c) {
  return is_within(c, kLaterMarks);
}

constexpr char32_t kPoints = 0x110000;
constexpr std::uint8_t kInert = 8;

// Canonical decomposition of one character, recursively; itself where there is none.
std::size_t decompose_one(char32_t c, std::array<utf8proc_int32_t, 32>& parts) {
  int last_boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(),
                                             static_cast<utf8proc_ssize_t>(parts.size()),
                                             UTF8PROC_DECOMPOSE, &last_boundary);
  if (count >= 1 && count <= static_cast<utf8proc_ssize_t>(parts.size()))
    return static_cast<std::size_t>(count);
  parts[0] = static_cast<utf8proc_int32_t>(c);
  return 1;
}

std::size_t compose(std::vector<utf8proc_int32_t>& points) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const auto length = utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()), options);
  return static_cast<std::size_t>(std::max<utf8proc_ssize_t>(length, 0));
}

// `points` decomposed and in canonical order. utf8proc sorts marks by exchanging neighbours, which
// takes quadratic time on a long run of them; a stable sort of each run does not.
std::vector<utf8proc_int32_t> decompose(const std::vector<char32_t>& points) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(points.size() + points.size() / 2);
  std::array<utf8proc_int32_t, 32> parts{};
  for (const char32_t c : points) {
    const std::size_t count = decompose_one(c, parts);
    out.insert(out.end(), parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
  }
  const auto combining = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  for (auto first = out.begin(); first != out.end();) {
    if (combining(*first) == 0) {
      ++first;
      continue;
    }
    const auto last =
        std::find_if(first, out.end(), [&](utf8proc_int32_t c) { return combining(c) == 0; });
    std::stable_sort(first, last, [&](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining(a) < combining(b);
    });
    first = last;
  }
  return out;
}

// Appends the normal form of a character and those after it that are not inert.
void append_normal(std::string& out, std::vector<char32_t>& points) {
  if (!points.empty() && is_unknown(points.front())) {
    append_utf8(out, points.front());
    points.erase(points.begin());
  }
  std::vector<utf8proc_int32_t> buffer = decompose(points);
  const std::size_t length = compose(buffer);
  for (std::size_t i = 0; i < length; ++i) append_utf8(out, static_cast<char32_t>(buffer[i]));
  points.clear();
}

}  // namespace

CharTable::CharTable() : entries_(kPoints) {
  std::vector<bool> follows(kPoints, false);  // may join the character before
  std::array<utf8proc_int32_t, 32> parts{};
  for (char32_t c = 0; c < kPoints; ++c) {
    entries_[c] = static_cast<std::uint8_t>(class_of_any(c));
    const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
    const bool hangul = c >= 0xAC00 && c <= 0xD7A3;
    if (property.decomp_seqindex == UINT16_MAX && !hangul) {
      if (property.combining_class == 0) entries_[c] |= kInert;
      continue;
    }
    const std::size_t count = decompose_one(c, parts);
    for (std::size_t i = 1; i < count; ++i) follows[static_cast<std::size_t>(parts[i])] = true;
    std::vector<utf8proc_int32_t> points(parts.begin(),
                                         parts.begin() + static_cast<std::ptrdiff_t>(count));
    const bool same = compose(points) == 1 && static_cast<char32_t>(points[0]) == c;
    if (same && property.combining_class == 0) entries_[c] |= kInert;
  }
  for (char32_t c = 0; c < kPoints; ++c) {
    if (follows[c]) entries_[c] &= static_cast<std::uint8_t>(~kInert);
  }
  for (const CodeRange& range : kLaterMarks)
    for (char32_t c = range.first; c <= range.last; ++c) entries_[c] |= kInert;
}

const CharTable& CharTable::get() {
  static const CharTable table;
  return table;
}

CharClass char_class(char32_t c) {
  return CharTable::get().kind(c);
}

Decoded decode_utf8(std::string_view utf8) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || utf8.size() < static_cast<std::size_t>(length)) {
    return {kReplacement, 1};
  }
  char32_t code = lead & (0x7FU >> static_cast<unsigned>(length));
  for (int i = 1; i < length; ++i) {
    const unsigned char next = byte(static_cast<std::size_t>(i));
    if ((next & 0xC0U) != 0x80U) return {kReplacement, 1};
    code = (code << 6U) | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[static_cast<std::size_t>(length)] || code > 0x10FFFF || surrogate) {
    return {kReplacement, 1};
  }
  return {code, length};
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    out += static_cast<char>(0x80U | ((c >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((c >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

bool surely_nfc(std::string_view utf8) {
  const CharTable& table = CharTable::get();
  for (std::size_t at = 0; at < utf8.size();) {
    if (static_cast<unsigned char>(utf8[at]) < 0x80) {
      ++at;
      continue;
    }
    const Decoded c = decode_utf8(utf8.substr(at));
    if (c.length == 1 || !table.inert(c.code)) return false;
    at += static_cast<std::size_t>(c.length);
  }
  return true;
}

// Inert characters are copied; all others are normalised together with the one before them.
std::string nfc(std::string_view utf8) {
  const CharTable& table = CharTable::get();
  std::string out;
  out.reserve(utf8.size());
  std::vector<char32_t> points;  // an inert character, then others
  for (std::size_t at = 0; at < utf8.size();) {
    const Decoded c = decode_utf8(utf8.substr(at));
    at += static_cast<std::size_t>(c.length);
    if (table.inert(c.code)) {
      if (points.size() == 1 && table.inert(points.front())) {
        append_utf8(out, points.front());
        points.clear();
      } else if (!points.empty()) {
        append_normal(out, points);
      }
    }
    points.push_back(c.code);
  }
  append_normal(out, points);
  return out;
}

std::string_view strip(std::string_view text) {
  std::size_t first = text.size();
  std::size_t last = text.size();
  for (std::size_t at = 0; at < text.size();) {
    const Decoded c = decode_utf8(text.substr(at));
    const CharClass kind = char_class(c.code);
    const auto length = static_cast<std::size_t>(c.length);
    const bool blank = kind == CharClass::Space || kind == CharClass::Newline ||
                       (c.code >= 0x1C && c.code <= 0x1F);
    if (!blank) {
      first = std::min(first, at);
      last = at + length;
    }
    at += length;
  }
  return text.substr(first, last - first);
}

std::string lower(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const Decoded c = decode_utf8(utf8);
    append_utf8(out,
                static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code))));
    utf8.remove_prefix(static_cast<std::size_t>(c.length));
  }
  return out;
}

}  // namespace desa2va::text
