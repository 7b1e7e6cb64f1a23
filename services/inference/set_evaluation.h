#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/overrides.h"

namespace desa2va::inference {

// What `desa2va eval MODEL --set NAME` starts, once for each replica.
struct SetRequest {
  std::string model;  // run directory, or what `desa2va ckpt import` made
  std::optional<std::uint64_t> step;
  std::string set;
  std::string split;          // "": the one the set is scored on
  std::string shards;         // "": data.shards of the model
  std::string out;            // records, predictions, worst cases
  std::string branch;         // which masks count in videos; "": the last the model has
  bool all_branches = false;  // follow every branch through videos: that many times the work
  std::optional<std::int64_t> samples;  // the first so many; empty: all
  config::Overrides how;
  std::string text_sim = "embed";  // how GCG compares phrases: embed, words
  std::int64_t worst = 8;          // drawings of the worst cases
  std::int64_t part = 0;  // this replica takes the samples whose number mod `parts` is `part`
  std::int64_t parts = 1;
  std::int64_t threads = 0;  // 0: all cores
};

// Asks the model the queries of its part that have no record yet and appends a record of each
// (common/evaluation/sets/records.h), with the masks of videos beside them. `stopped` is asked
// between tokens and frames; true ends with Cancelled, and what has a record stays.
Result<void> evaluate_set(const SetRequest& request, const std::function<bool()>& stopped);

}  // namespace desa2va::inference
