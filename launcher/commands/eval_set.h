#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/config/overrides.h"

namespace desa2va::launcher {

struct SetOptions {
  std::string model;  // run directory, or what `ckpt import` made
  std::string set;
  std::string split, shards, out, branch;
  config::Overrides how;
  std::string text_sim;  // gcg: embed (""), words
  std::optional<std::uint64_t> step;
  std::optional<std::int64_t> samples;
  std::int64_t replicas = 1;
  std::int64_t threads = 0;
  std::int64_t worst = 8;
  bool all_branches = false;
  bool restart = false;
  bool json = false;
};

// `desa2va eval MODEL --set NAME`: asks the model every query of the set that has no record yet,
// with some processes, and scores all records. What was asked stays in the folder, so that an
// evaluation that was interrupted goes on where it stood; one with other settings is refused there.
Result<ExitCode> evaluate_set(const SetOptions& options);

}  // namespace desa2va::launcher
