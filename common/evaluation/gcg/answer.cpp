#include "common/evaluation/gcg/answer.h"

#include "common/datasets/text_tools.h"

namespace desa2va::evaluation {

namespace {

// Everything from a "<" to the next ">" goes; a "<" that is never closed stays.
std::string without_tags(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = text.find('<', at);
    const std::size_t close = open == std::string::npos ? open : text.find('>', open);
    if (close == std::string::npos) return out + text.substr(at);
    out.append(text, at, open - at);
    at = close + 1;
  }
}

std::vector<std::string> phrases_in(const std::string& text) {
  static constexpr std::string_view kOpen = "<p>";
  static constexpr std::string_view kClose = "</p>";
  std::vector<std::string> phrases;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = text.find(kOpen, at);
    if (open == std::string::npos) return phrases;
    const std::size_t begin = open + kOpen.size();
    const std::size_t end = text.find(kClose, begin);
    if (end == std::string::npos) return phrases;
    phrases.push_back(datasets::strip(text.substr(begin, end - begin)));
    at = end + kClose.size();
  }
}

std::string collapsed(const std::string& text) {
  std::string out;
  std::string_view rest = text;
  for (std::size_t i = 0; i < rest.size();) {
    const std::size_t end = std::min(rest.find_first_of(" \t\n\v\f\r", i), rest.size());
    if (end > i) {
      if (!out.empty()) out += ' ';
      out += rest.substr(i, end - i);
    }
    i = end + 1;
  }
  return out;
}

}  // namespace

GcgAnswer parse_gcg_answer(std::string_view answer) {
  using datasets::replace_all;
  std::string text = replace_all(std::string(answer), "<s>", "");
  text = replace_all(replace_all(std::move(text), "\n", ""), "  ", " ");
  static constexpr std::string_view kSpeaker = "ASSISTANT: ";
  if (const std::size_t at = text.rfind(kSpeaker); at != std::string::npos)
    text.erase(0, at + kSpeaker.size());

  GcgAnswer out;
  out.phrases = phrases_in(text);
  std::string caption = collapsed(replace_all(without_tags(text), "[SEG]", ""));
  const std::size_t begin = std::min(caption.find_first_not_of('\''), caption.size());
  const std::size_t end = caption.find_last_not_of('\'');
  caption = end == std::string::npos ? "" : caption.substr(begin, end - begin + 1);
  out.caption = datasets::strip(caption);
  return out;
}

}  // namespace desa2va::evaluation
