#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/evaluation/files/report.h"
#include "common/evaluation/gcg/score.h"
#include "common/evaluation/sets/set.h"
#include "common/preprocess/masks/rle.h"

// What answers are worth. A record is one query's share of the set's scores, as one line of JSON:
// replicas write records, a resumed evaluation leaves out the queries that have one, and the scores
// of the set are a function of all records.
namespace desa2va::evaluation {

using Record = nlohmann::ordered_json;

// What the model said to one query.
struct Answer {
  std::string text;
  // Per branch of the model ("visual", "text", "fused", "reprompted") the masks of each [SEG] that
  // counts, [object][frame], at the size of the frames; pictures have one frame. No object: the
  // model gave no [SEG].
  std::map<std::string, std::vector<std::vector<preprocess::Rle>>> masks;
};

// Pure; any thread. Corrupt where a mask of the sample cannot be read, InvalidArgument where a
// predicted one has another size. `similarity`: of phrases, for Grounded sets; called at once.
//   {"id": .., "answered": true, "branches": {"fused": {...}}}
Result<Record> record_of(const EvaluationSet& set, const datasets::Sample& sample,
                         const Query& query, const Answer& answer,
                         const PhraseSimilarity& similarity = word_similarity);

struct ReportOptions {
  std::string branch;  // whose scores stand at the top; empty: the last of visual, text, fused,
                       // reprompted that has any
  std::string text_similarity = "words";  // what `similarity` was, for the report
};

// Scores of all records, in any order, one a query; each branch under `branches`. Corrupt for a
// line that is no record.
Result<ScoreReport> report_of(const EvaluationSet& set, const std::vector<Record>& records,
                              const ReportOptions& options = {});

// The query's score by which the worst are found (0..1; J&F, IoU, mIoU, right or wrong), of a
// branch; empty where the record has none.
std::optional<double> quality(const Record& record, const std::string& branch);

}  // namespace desa2va::evaluation
