#pragma once

#include <string>
#include <vector>

#include "common/datasets/json_tools.h"
#include "common/datasets/sample.h"

namespace desa2va::datasets {

// [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}, ...] as turns of question and
// answer. Answers before the first question are skipped; questions that follow one another become
// one. `strip_questions` takes white space off both ends of a question.
std::vector<Turn> read_conversation(const Json& messages, bool strip_questions);

}  // namespace desa2va::datasets
