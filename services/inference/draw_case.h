#pragma once

#include <string>

#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/evaluation/sets/records.h"
#include "common/preprocess/image/image.h"
#include "services/inference/pen.h"

// Drawings of single queries of an evaluation set, for people who look for what went wrong.
namespace desa2va::inference {

// The frame to draw: the one whose mask differs from the truth in most pixels, the first of equals;
// 0 for pictures and for questions about videos.
Result<std::uint32_t> telling_frame(const evaluation::EvaluationSet& set,
                                    const datasets::Sample& sample, const evaluation::Query& query,
                                    const evaluation::Answer& answer, const std::string& branch);

// That frame with the truth and the prediction of a branch beside it (of a grounded caption all
// masks together), what was asked and answered above; for multiple choice the frame with question,
// answer and truth below.
Result<preprocess::Image> draw_case(const Pen& pen, const evaluation::EvaluationSet& set,
                                    const datasets::Sample& sample, const evaluation::Query& query,
                                    const evaluation::Answer& answer, const std::string& branch,
                                    double score, std::uint32_t number,
                                    const preprocess::Image& frame);

}  // namespace desa2va::inference
