#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace desa2va::shards {

// One thing that is wrong in a dataset directory.
struct Defect {
  std::string file;                  // relative to the directory
  std::string key;                   // "medium 12 (9f3c..)", "sample 7"; empty: the file as a whole
  std::string what;                  // "content differs from its hash"
  std::vector<std::string> samples;  // keys of the samples that need it (at most 16)
};

struct VerifyReport {
  std::string dataset;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t samples = 0;
  std::uint64_t media = 0;
  std::vector<Defect> defects;  // empty: every bit is as it was written
};

// Reads every byte: whole-file hashes, every media against its hash, every sample and index entry
// decoded, every reference followed. Defects are findings, not failures; it fails only when there
// is no dataset in `dir` (NotFound) or reading itself is impossible. The report is the same for any
// number of threads (0: as many as there are cores).
Result<VerifyReport> verify(const std::filesystem::path& dir, unsigned threads = 0);

}  // namespace desa2va::shards
