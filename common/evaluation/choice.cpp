#include "common/evaluation/choice.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/datasets/text_tools.h"

namespace desa2va::evaluation {

namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(kSpaces); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpaces, end);
  }
  return words;
}

std::optional<char> by_letter(std::string_view answer, const Options& options) {
  std::string text(answer);
  for (char& c : text)
    if (std::string_view(".()[],:;!*#{}").find(c) != std::string_view::npos) c = ' ';
  const auto words = words_of(text);
  std::optional<char> letter;
  std::size_t place = 0;
  for (const auto& [option, _] : options) {
    const auto found = std::find(words.begin(), words.end(), std::string(1, option));
    if (found == words.end()) continue;
    if (letter) return std::nullopt;  // two are named
    letter = option;
    place = static_cast<std::size_t>(found - words.begin());
  }
  if (letter && place + 5 > words.size()) return letter;
  return std::nullopt;
}

// "answer is X", "answer is: (X)"; the letter capital and a word of its own.
std::optional<char> by_phrase(std::string_view answer, const Options& options) {
  static constexpr std::string_view kPhrase = "answer is";
  std::string lower(answer);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (std::size_t at = lower.find(kPhrase); at != std::string::npos;
       at = lower.find(kPhrase, at + 1)) {
    std::size_t i = at + kPhrase.size();
    const auto skip = [&](std::string_view any) {
      while (i < answer.size() && any.find(answer[i]) != std::string_view::npos) ++i;
    };
    if (i < answer.size() && answer[i] == ':') ++i;
    skip(kSpaces);
    if (i < answer.size() && answer[i] == '(') ++i;
    if (i >= answer.size() || !options.contains(answer[i])) continue;
    const auto next = i + 1 < answer.size() ? static_cast<unsigned char>(answer[i + 1]) : ' ';
    const bool word_goes_on = (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z') ||
                              (next >= 'a' && next <= 'z') || next == '_' || next >= 0x80;
    if (!word_goes_on) return answer[i];
  }
  return std::nullopt;
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::optional<char> by_text(std::string_view answer, const Options& options) {
  std::size_t total = 0;
  for (const auto& [_, text] : options) total += code_points(text);
  if (code_points(answer) > 2 * total) return std::nullopt;
  const std::string lower = datasets::lower(answer);
  std::optional<char> found;
  for (const auto& [option, text] : options) {
    if (lower.find(datasets::lower(text)) == std::string::npos) continue;
    if (found) return std::nullopt;
    found = option;
  }
  return found;
}

}  // namespace

std::optional<char> seed_choice(std::string_view answer, const Options& options) {
  if (const auto letter = by_letter(answer, options)) return letter;
  if (const auto letter = by_phrase(answer, options)) return letter;
  return by_text(answer, options);
}

std::optional<char> videomme_choice(std::string_view answer, const Options& options) {
  static constexpr std::array kPhrases = {"The best answer is",
                                          "The correct answer is",
                                          "The answer is",
                                          "The answer",
                                          "The best option is",
                                          "The correct option is",
                                          "Best answer:",
                                          "Best option:",
                                          "Answer:",
                                          "Option:"};
  std::string text = datasets::strip(answer);
  // The reference gives up on more than ten words without a capital A-D, which changes nothing:
  // such an answer has no first capital either.
  for (const char* phrase : kPhrases) text = datasets::replace_all(std::move(text), phrase, "");
  if (const std::size_t at = text.find_first_of("ABCD"); at != std::string::npos) return text[at];
  return seed_choice(answer, options);
}

}  // namespace desa2va::evaluation
