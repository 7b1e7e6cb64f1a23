#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/random.h"
#include "common/preprocess/text/prompt.h"

// The sentences around a referring expression. Our own wording; structure of the reference: eight
// patterns with and without final punctuation, five answers with one [SEG] each.
namespace desa2va::text {

std::span<const std::string_view> segmentation_questions();      // 16, {X} is the expression
std::span<const std::string_view> segmentation_answers();        // 5
std::string_view description_question();                         // Ref-SAV, long descriptions
std::span<const std::string_view> grounded_caption_questions();  // 6 (GCG)
std::span<const std::string_view> region_questions();            // 30 (Osprey), {X} is "region3"
std::string_view short_answer_instruction();  // ends each question of Osprey's short form

// What stands before the first question about regions: the picture's marker, how many regions there
// are, and for each `region{i}<vp>`, a place for every one of its `cells`, `</vp>`.
std::string region_preamble(std::span<const std::int64_t> cells);

// Replaces {X}; other braces stay.
std::string fill(std::string_view pattern, std::string_view x);

// What one turn says. `expression` is what replaces {X}, and with it the real text (seg_text).
struct Turn {
  std::string question;
  std::string answer;
};
// Draws one template of each: elements `first` and `first + 1` of `random`. An expression with "?"
// is the question itself when `verbatim_questions`.
Turn referring_turn(std::string_view expression, bool verbatim_questions, const Random& random,
                    std::uint64_t first);

// MeViS and its family: "?" stays verbatim, else dots removed, trimmed, lower-cased (ASCII).
std::string normalize_video_expression(std::string_view expression);
// RefCOCO: lower-cased, one trailing dot removed.
std::string normalize_image_expression(std::string_view expression);

}  // namespace desa2va::text
