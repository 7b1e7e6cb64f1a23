#pragma once

#include <string>

#include "common/base/result.h"

namespace desa2va::launcher {

struct ScoreOptions {
  std::string metric;  // jf, ciou, gcg, choice
  std::string predictions;
  std::string truth;
  std::string similarity;
  std::string rule;
  int threads = 0;  // 0: one per processor
  bool json = false;
};

// `desa2va eval --score METRIC`: scores files of any program against files of truth. The table goes
// to standard error, or with `json` one document to standard output; warnings to standard error.
Result<ExitCode> score_files(const ScoreOptions& options);

}  // namespace desa2va::launcher
