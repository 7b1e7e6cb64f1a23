#pragma once

#include <string>
#include <string_view>

// How sentences of a data set enter a question; Python's string methods on UTF-8.
namespace desa2va::datasets {

std::string lower(std::string_view text);
std::string strip(std::string_view text);  // white space at both ends, as Unicode has it

// RefCOCO: lower case without one trailing full stop.
std::string refer_text(std::string_view raw);
// Video sets: verbatim with a question mark in it, else lower case without any full stop.
struct VideoText {
  std::string text;
  bool verbatim = false;
};
VideoText video_text(std::string_view raw);

std::string replace_all(std::string text, std::string_view from, std::string_view to);

}  // namespace desa2va::datasets
