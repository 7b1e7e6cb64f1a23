#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace desa2va::evaluation {

// What an answer of grounded conversation generation says, its masks aside (model.md 9.4).
struct GcgAnswer {
  std::string caption;               // without tags and [SEG], white space collapsed
  std::vector<std::string> phrases;  // contents of <p>...</p> in order, trimmed
};

// Reads "<p> A man </p> [SEG] holds <p> an umbrella </p> [SEG]." Anything is an answer; text
// without tags is a caption without phrases.
GcgAnswer parse_gcg_answer(std::string_view text);

}  // namespace desa2va::evaluation
