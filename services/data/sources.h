#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/datasets/sample.h"
#include "common/datasets/split_numbers.h"
#include "common/storage/shards/shard_reader.h"
#include "services/data/order.h"

// The members of the mixture as opened shards.
namespace desa2va::data {

struct Source {
  std::string name;  // of the mixture
  std::shared_ptr<const shards::ShardReader> reader;
  datasets::Numbers numbers;  // usable samples of the split, after max_items
  datasets::SampleKind kind = datasets::SampleKind::ImageQa;
  MixtureMember member;

  bool has_masks() const {
    return kind == datasets::SampleKind::ImageRef || kind == datasets::SampleKind::VideoRef ||
           kind == datasets::SampleKind::Gcg;
  }
  // Corrupt (exit 3) names data set and key.
  Result<datasets::Sample> sample(std::uint64_t item) const;
};

// Opens <data.shards>/<name> for each member. The configuration must outlive the sources. Errors
// name the data set and its path: missing or without usable samples of the split (exit 2), damaged
// (exit 3).
Result<std::vector<Source>> open_sources(const config::Config& config,
                                         const std::vector<config::DatasetConfig>& mixture);

}  // namespace desa2va::data
