#include "common/datasets/text_tools.h"

#include <utf8proc.h>

namespace desa2va::datasets {

namespace {

// The code point at `at` and its length; a byte that is no UTF-8 stands for itself.
std::size_t code_point(std::string_view text, std::size_t at, utf8proc_int32_t& code) {
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  if (length > 0) return static_cast<std::size_t>(length);
  code = -1;
  return 1;
}

bool is_space(utf8proc_int32_t code) {
  if ((code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x20) || code == 0x85) return true;
  if (code < 0x80) return false;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = 0;
    const std::size_t length = code_point(text, at, code);
    if (code < 0) {
      out.push_back(text[at]);
    } else {
      utf8proc_uint8_t bytes[4];
      const auto count = utf8proc_encode_char(utf8proc_tolower(code), bytes);
      out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
    }
    at += length;
  }
  return out;
}

std::string strip(std::string_view text) {
  std::size_t first = text.size();
  std::size_t last = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = 0;
    const std::size_t length = code_point(text, at, code);
    if (!is_space(code)) {
      first = std::min(first, at);
      last = at + length;
    }
    at += length;
  }
  return first < last ? std::string(text.substr(first, last - first)) : std::string();
}

std::string refer_text(std::string_view raw) {
  std::string text = lower(raw);
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

VideoText video_text(std::string_view raw) {
  if (raw.find('?') != std::string_view::npos) return {std::string(raw), true};
  return {lower(strip(replace_all(std::string(raw), ".", ""))), false};
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace desa2va::datasets
