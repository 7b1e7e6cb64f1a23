#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

// Scores of predictions in files against truth in files, whatever program made them: what
// `desa2va eval --score` does. The formats are described in docs/evaluation.md.
namespace desa2va::evaluation {

struct ScoreRequest {
  std::filesystem::path predictions;  // file or folder
  std::filesystem::path truth;
  std::filesystem::path
      similarity;    // gcg: {"truth phrase|predicted phrase": value}; empty: by words
  std::string rule;  // choice: "seed", "videomme"; empty: as the truth looks
  int threads = 1;
  // Called on any one thread at a time with how much is done, in what the metric counts.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct ScoreReport {
  nlohmann::ordered_json document;              // for programs
  std::vector<std::vector<std::string>> table;  // for people; the first row is the heading
  std::vector<std::string> warnings;            // also in the document
};

// NotFound or InvalidArgument: a path is missing, empty or of the wrong kind. Corrupt, naming the
// file and place: a picture, a mask or JSON that cannot be used.
Result<ScoreReport> score_jf(const ScoreRequest& request);
Result<ScoreReport> score_ciou(const ScoreRequest& request);
Result<ScoreReport> score_gcg(const ScoreRequest& request);
Result<ScoreReport> score_choice(const ScoreRequest& request);

// Adds the warnings to document and report; of many of one kind only the first few are kept, with
// the number of all.
void finish_warnings(ScoreReport& report, const std::vector<std::string>& warnings);

}  // namespace desa2va::evaluation
