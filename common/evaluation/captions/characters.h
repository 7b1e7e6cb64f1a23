#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Kinds of characters, for the two tokenizers of captions.
namespace desa2va::evaluation {

// A byte that is no part of UTF-8 becomes U+FFFD.
std::u32string to_code_points(std::string_view utf8);
std::string to_utf8(std::u32string_view points);

bool is_letter(char32_t c);  // of any script
bool is_upper(char32_t c);
inline bool is_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}
inline bool is_ascii_letter(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
}
bool is_space(char32_t c);

}  // namespace desa2va::evaluation
