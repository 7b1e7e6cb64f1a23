#include "common/evaluation/captions/characters.h"

#include <utf8proc.h>

#include "common/preprocess/text/unicode.h"

namespace desa2va::evaluation {

std::u32string to_code_points(std::string_view utf8) {
  std::u32string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const text::Decoded next = text::decode_utf8(utf8);
    out.push_back(next.code);
    utf8.remove_prefix(static_cast<std::size_t>(next.length));
  }
  return out;
}

std::string to_utf8(std::u32string_view points) {
  std::string out;
  for (const char32_t point : points) text::append_utf8(out, point);
  return out;
}

bool is_letter(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
      return true;
    default:
      return false;
  }
}

bool is_upper(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LU;
}

bool is_space(char32_t c) {
  if (c >= U'\t' && c <= U'\r') return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

}  // namespace desa2va::evaluation
