#include "common/preprocess/text/templates.h"

#include <array>

#include <fmt/format.h>

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

// Fifteen patterns, each as a request and as a question.
constexpr std::array<std::string_view, 30> kRegionQuestions = {
    "Describe {X} in detail.",
    "Can you describe {X} in detail?",
    "Please give a detailed description of {X}.",
    "What would a detailed description of {X} be?",
    "Tell me all you can see of {X}.",
    "What can be seen of {X}? Tell me all of it.",
    "Explain thoroughly what {X} shows.",
    "What does {X} show? Explain it thoroughly.",
    "Write a careful account of {X} and its surroundings.",
    "How would you describe {X} and its surroundings with care?",
    "Look closely at {X} and say what it is like.",
    "Looking closely at {X}, what is it like?",
    "Go through the details of {X} one by one.",
    "What are the details of {X}, one by one?",
    "Elaborate on what is in {X}.",
    "Could you elaborate on what is in {X}?",
    "Characterise {X} as fully as you can.",
    "How would you characterise {X} as fully as you can?",
    "Put {X} into words for someone who cannot see it.",
    "How would you put {X} into words for someone who cannot see it?",
    "Report colours, shapes and other features of {X}.",
    "Which colours, shapes and other features does {X} have?",
    "Provide a comprehensive description of {X}.",
    "Will you provide a comprehensive description of {X}?",
    "Describe the appearance of {X} extensively.",
    "What is the appearance of {X}? Describe it extensively.",
    "Depict {X} with as much detail as possible.",
    "How does {X} look, with as much detail as possible?",
    "Give an in-depth description of what {X} contains.",
    "What does {X} contain? Give an in-depth description."};

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
std::span<const std::string_view> region_questions() {
  return kRegionQuestions;
}
std::string_view short_answer_instruction() {
  return " Answer with a single word or a short phrase.";
}

std::string region_preamble(std::span<const std::int64_t> cells) {
  std::string out = fmt::format("<image>\nThere are {} regions in the picture: ", cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += fmt::format("{}region{}<vp>", i > 0 ? ", " : "", i + 1);
    for (std::int64_t cell = 0; cell < cells[i]; ++cell) out += "<IMG_CONTEXT>";
    out += "</vp>";
  }
  return out + ".\n";
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
