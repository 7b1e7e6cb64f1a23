#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/datasets/choice_questions.h"

// Which option an answer in words chooses (model.md 9.5, after VLMEvalKit). Functions of values.
namespace desa2va::evaluation {

using datasets::Options;

// SEED-Bench: a single option letter among the last four words, else "answer is X", else the one
// option whose text occurs in an answer that is not much longer than the options. Empty: none.
std::optional<char> seed_choice(std::string_view answer, const Options& options);

// Video-MME: the first capital A-D after some phrases were deleted; where there is none, the rule
// of SEED-Bench.
std::optional<char> videomme_choice(std::string_view answer, const Options& options);

}  // namespace desa2va::evaluation
