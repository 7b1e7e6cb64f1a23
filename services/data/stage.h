#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"

// The sample stream: (config, seed, phase, microbatch) -> what mllm and sam2 get for it.
namespace desa2va::data {

// A sample that could not be used and what took its place; for events.jsonl and the failure budget.
struct Substitution {
  std::string dataset;
  std::string key;  // the sample that failed
  std::string reason;
  std::string substitute;  // the key that took its place
};

struct Microbatch {
  messages::Batch batch;
  messages::Frames frames;
  std::uint32_t samples = 0;
  std::vector<Substitution> substitutions;
  std::vector<std::string> keys;  // "dataset/key" of each sample, in batch order
};

// Owns the shards it reads and a cache of decoded pictures bounded in bytes. What `make` returns
// depends on nothing but its arguments and the configuration, so any number of stages in any
// number of processes produce the same stream. One thread.
class DataStage {
 public:
  // Opens data.shards and the tokenizer. Errors name the data set, its path and the remedy; they
  // ask for exit code 2 (missing, empty, not fitting the configuration) or 3 (corrupt).
  // `clock` (must outlive the stage; null: none) measures data.timeout_ms.
  static Result<DataStage> open(const config::Config& config, const Clock* clock = nullptr);
  DataStage(DataStage&&) noexcept;
  DataStage& operator=(DataStage&&) noexcept;
  ~DataStage();

  // `index`: number of the microbatch within its part of the run, from 0: phase A counts alone, B
  // and C count on together. Corrupt (exit 3) when no substitute is left or a shard is damaged.
  Result<Microbatch> make(Phase phase, std::uint64_t index);

 private:
  struct Impl;
  explicit DataStage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::data
