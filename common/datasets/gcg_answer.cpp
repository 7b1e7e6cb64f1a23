#include "common/datasets/gcg_answer.h"

#include <algorithm>

namespace desa2va::datasets {

namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// Where each code point begins, and the end of the text.
std::vector<std::size_t> character_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!continues_character(text[i])) starts.push_back(i);
  starts.push_back(text.size());
  return starts;
}

// As Python slices: what lies behind the end is the end.
std::pair<std::size_t, std::size_t> bytes_of(std::string_view text, TextSpan span) {
  const auto starts = character_starts(text);
  const auto at = [&](std::uint32_t i) {
    return starts[std::min<std::size_t>(i, starts.size() - 1)];
  };
  const std::size_t begin = at(span.first);
  return {begin, std::max(begin, at(span.second))};
}

}  // namespace

std::string gcg_answer(std::string_view caption, const std::vector<TextSpan>& spans) {
  std::string answer(caption);
  for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
    const auto [begin, end] = bytes_of(answer, *span);
    answer = answer.substr(0, begin) + "<p> " + answer.substr(begin, end - begin) + " </p> [SEG]" +
             answer.substr(end);
  }
  return answer;
}

std::vector<TextSpan> trim_spans(std::vector<TextSpan> spans) {
  for (std::size_t i = 0; i + 1 < spans.size(); ++i) {
    const std::uint32_t next = spans[i + 1].first;
    if (spans[i].second >= next)
      spans[i].second = std::max(spans[i].first, next > 0 ? next - 1 : 0);
  }
  return spans;
}

std::string text_at(std::string_view caption, TextSpan span) {
  const auto [begin, end] = bytes_of(caption, span);
  return std::string(caption.substr(begin, end - begin));
}

std::optional<TextSpan> find_span(std::string_view caption, std::string_view phrase) {
  const std::size_t at = caption.find(phrase);
  if (at == std::string_view::npos) return std::nullopt;
  const auto count = [](std::string_view text) {
    return static_cast<std::uint32_t>(character_starts(text).size() - 1);
  };
  const std::uint32_t begin = count(caption.substr(0, at));
  return TextSpan{begin, begin + count(phrase)};
}

}  // namespace desa2va::datasets
