#pragma once

#include <string>
#include <vector>

#include "common/evaluation/sets/records.h"

// What the model predicted, in the forms that `desa2va eval --score` and the servers of the sets
// take (docs/evaluation.md). Functions of values; any thread.
namespace desa2va::evaluation {

// One query's prediction, with the masks of one branch; empty masks where a video has no [SEG].
//   Video      {"video": .., "expression": .., "prediction_masks": [RLE, ..]}
//   Referring  {"id": .., "mask": RLE or null}
//   Grounded   {"image_id": .., "caption": .., "phrases": [..], "pred_masks": [RLE, ..]}
//   Choice     {"question_id": .., "prediction": ".."}
Record prediction_of(const EvaluationSet& set, const datasets::Sample& sample, const Query& query,
                     const Answer& answer, const std::string& branch);

// All of them as one document: of videos {video: {expression: {"prediction_masks": ..}}}, else a
// list in the order of the ids. Of several predictions of one query the last counts; what is none
// is left out.
nlohmann::json results_document(const EvaluationSet& set, std::vector<Record> predictions);

// Which of a sample's expressions a query is about, as its set names it: "3".
std::string expression_name(const datasets::Sample& sample, const Query& query);

// The masks of one query, [frame] as in prediction_of for Video, and the names of those frames as
// the set has them: "00005".
std::vector<preprocess::Rle> video_masks(const datasets::Sample& sample, const Answer& answer,
                                         const std::string& branch);
std::vector<std::string> frame_names(const datasets::Sample& sample);

}  // namespace desa2va::evaluation
