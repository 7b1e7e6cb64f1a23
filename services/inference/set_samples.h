#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/evaluation/sets/set.h"
#include "common/preprocess/image/image.h"
#include "common/storage/shards/shard_reader.h"
#include "services/data/media.h"

// The samples of an evaluation set and their pictures, out of shards.
namespace desa2va::inference {

class SetSamples {
 public:
  // `shards`: a data set directory, or a directory of several; those of the set are taken. NotFound
  // (exit 2) where none is there or none has a usable sample of the split.
  static Result<SetSamples> open(const evaluation::EvaluationSet& set, const std::string& split,
                                 const std::string& shards);

  // The usable samples of the split in the order of the shards, each with its number among them.
  // Stops at the first failure; a damaged shard is exit 3.
  using Take = std::function<Result<void>(std::uint64_t number, const datasets::Sample& sample)>;
  Result<void> each(const Take& take);

  // Frames of the sample last taken, by number among those that may be drawn; ascending.
  Result<std::vector<preprocess::Image>> frames(const datasets::Sample& sample,
                                                const std::vector<std::uint32_t>& numbers);

 private:
  SetSamples(std::string split, std::vector<shards::ShardReader> readers);

  std::string split_;
  std::vector<shards::ShardReader> readers_;
  std::unique_ptr<data::MediaCache> media_;
  std::size_t current_ = 0;
};

}  // namespace desa2va::inference
