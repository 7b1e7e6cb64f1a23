#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/datasets/json_tools.h"

namespace desa2va::datasets {

// Letter ("A") to the option's text.
using Options = std::map<char, std::string>;

// A multiple-choice question of SEED-Bench or Video-MME.
struct ChoiceQuestion {
  std::string id;
  std::string text;
  Options options;
  char answer = 0;                            // a letter of the options
  std::string media;                          // SEED-Bench: data_id; Video-MME: videoID
  std::string data_type;                      // SEED-Bench: "image" or "video"
  std::map<std::string, std::string> groups;  // what scores are broken down by
  bool videomme = false;                      // its rule reads the answers, else SEED-Bench's
};

// Adds the questions of a published annotation file: SEED-Bench {"questions": [{answer, choice_a,
// ...}], "question_type": {...}}, Video-MME as a list of rows {videoID, question_id, options,
// answer, duration, ...} or of videos with their `questions`, or any list of {question_id, answer,
// options}. Corrupt where a question has no answer among its options.
Result<void> read_choice_questions(const Json& document, std::vector<ChoiceQuestion>& into);

// As it is asked: the question, a line "A. apples" for each option, and the wish for a letter.
std::string choice_prompt(const ChoiceQuestion& question);

}  // namespace desa2va::datasets
