#include "common/preprocess/text/templates.h"

#include <array>

#include "common/preprocess/text/unicode.h"

namespace desa2va::text {

namespace {

constexpr std::string_view kHole = "{X}";

// Four short patterns, then four longer ones; each with and without its last punctuation.
constexpr std::array<std::string_view, 16> kQuestions = {
    "Please segment {X}.",
    "Please segment {X}",
    "Outline {X} in the picture.",
    "Outline {X} in the picture",
    "Could you mark {X} here?",
    "Could you mark {X} here",
    "What is {X}? Answer with a mask.",
    "What is {X}? Answer with a mask",
    "Which pixels belong to {X}? Please reply with a mask only.",
    "Which pixels belong to {X}? Please reply with a mask only",
    "Look carefully, identify {X} and return its segmentation mask.",
    "Look carefully, identify {X} and return its segmentation mask",
    "I would like to know where {X} is; give me the mask of it, please.",
    "I would like to know where {X} is; give me the mask of it, please",
    "Can you find {X} in what is shown and draw a mask over it?",
    "Can you find {X} in what is shown and draw a mask over it"};

constexpr std::array<std::string_view, 5> kAnswers = {
    "[SEG].", "It is [SEG].", "Here you go: [SEG].", "Sure, the mask is [SEG].",
    "The requested region is [SEG]."};

constexpr std::array<std::string_view, 6> kGroundedQuestions = {
    "Describe this picture briefly, with a mask after each thing you name.",
    "Give a short description and interleave it with segmentation masks.",
    "In a sentence or two, what is shown? Put masks next to the phrases they belong to.",
    "Please write a brief caption in which every object is followed by its mask.",
    "Summarise the scene shortly; answer with interleaved masks for the objects.",
    "What is going on here? Keep it short and ground the phrases with masks."};

}  // namespace

std::span<const std::string_view> segmentation_questions() {
  return kQuestions;
}
std::span<const std::string_view> segmentation_answers() {
  return kAnswers;
}
std::span<const std::string_view> grounded_caption_questions() {
  return kGroundedQuestions;
}
std::string_view description_question() {
  return "Please segment the object that matches this description: {X}";
}

std::string fill(std::string_view pattern, std::string_view x) {
  std::string out;
  const auto hole = pattern.find(kHole);
  if (hole == std::string_view::npos) return std::string(pattern);
  out.append(pattern.substr(0, hole)).append(x).append(pattern.substr(hole + kHole.size()));
  return out;
}

Turn referring_turn(std::string_view expression, bool verbatim_questions, const Random& random,
                    std::uint64_t first) {
  Turn turn;
  if (verbatim_questions && expression.find('?') != std::string_view::npos) {
    turn.question = expression;
  } else {
    turn.question = fill(kQuestions[random.below(first, kQuestions.size())], expression);
  }
  turn.answer = kAnswers[random.below(first + 1, kAnswers.size())];
  return turn;
}

std::string normalize_video_expression(std::string_view expression) {
  if (expression.find('?') != std::string_view::npos) return std::string(expression);
  std::string text(expression);
  std::erase(text, '.');
  return lower(strip(text));
}

std::string normalize_image_expression(std::string_view expression) {
  std::string text = lower(expression);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace desa2va::text
