#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/storage/shards/catalog.h"

namespace desa2va::datasets {

// One thing that could not be saved.
struct Loss {
  std::string what;  // "sample 17", "medium 9f3c...", "catalog.json"
  std::string why;
  std::vector<std::string> samples;  // keys of the samples that are broken by it (at most 16)
};

struct Repaired {
  shards::Catalog catalog;
  std::uint64_t samples_before = 0;  // as far as it can be told
  std::uint64_t samples_lost = 0;    // whose record is gone
  std::uint64_t samples_broken = 0;  // newly: a medium of theirs is gone
  std::uint64_t media_lost = 0;
  std::uint64_t recomputed = 0;  // costs and frame indexes made anew
  std::vector<Loss> losses;
};

// Makes a dataset at `out` of everything in `dir` whose checksums hold, block by block, without
// trusting catalog, index or the files' own tables. A sample whose medium is lost stays, as broken;
// lost costs are computed from the record, lost frame indexes by decoding. `dir` is left as it is.
//
// NotFound when `dir` has no shard files, Corrupt when not one sample is left.
Result<Repaired> repair(const std::filesystem::path& dir, const std::filesystem::path& out,
                        const std::function<void(const std::string&)>& say = {});

}  // namespace desa2va::datasets
