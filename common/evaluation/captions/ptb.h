#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace desa2va::evaluation {

// The words of a caption as pycocoevalcap counts them: Penn Treebank tokenisation (Stanford's
// PTBTokenizer with -lowerCase), without the punctuation that pycocoevalcap removes. "A man's dog
// isn't here." is a man 's dog is n't here; brackets become -lrb- and stay, since the list of what
// is removed is upper-case. Line breaks are blanks; bytes that are not UTF-8 are words of their
// own.
std::vector<std::string> ptb_tokens(std::string_view caption);

// The same, joined by single blanks.
std::string ptb_line(std::string_view caption);

}  // namespace desa2va::evaluation
