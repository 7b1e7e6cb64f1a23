#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/messages/control.h"
#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "common/runtime/tracing/tracer.h"
#include "services/data/media.h"
#include "services/data/order.h"

// The sample stream: (config, seed, phase, microbatch) -> what mllm and sam2 get for it.
namespace desa2va::data {

// What to make: these samples, under this number of the run, which their draws depend on.
struct Plan {
  Phase phase = Phase::A;
  std::uint64_t index = 0;   // in the stream: A counts alone, B and C count on together
  std::uint64_t number = 0;  // over the run
  std::vector<Pick> picks;
};

struct Microbatch {
  messages::Batch batch;
  messages::Frames frames;
  std::uint32_t samples = 0;
  std::vector<messages::Replaced> replaced;
  std::vector<std::string> keys;  // "dataset/key" of each sample, in batch order

  std::size_t bytes() const;     // of its tensors
  std::uint64_t tokens() const;  // of its rows, without padding
};

// Owns the shards it reads and a cache of decoded pictures bounded in bytes. What it makes depends
// on nothing but its arguments, the configuration and what it is told to avoid, so any number of
// stages in any number of processes, and of threads within one, produce the same stream.
class DataStage {
 public:
  // Opens data.shards and the tokenizer. Errors name the data set, its path and the remedy; they
  // ask for exit code 2 (missing, empty, not fitting the configuration) or 3 (corrupt).
  // `clock` (null: none) measures data.timeout_ms and times; `tracer` (null: none) gets spans of
  // decoding and packing. Both must outlive the stage.
  static Result<DataStage> open(const config::Config& config, const Clock* clock = nullptr,
                                tracing::Tracer* tracer = nullptr);
  DataStage(DataStage&&) noexcept;
  DataStage& operator=(DataStage&&) noexcept;
  ~DataStage();

  // Which samples; cheap, cheapest in ascending order. One thread. InvalidArgument (exit 2): phase
  // A without a data set that has masks.
  Result<Plan> plan(Phase phase, std::uint64_t index, std::uint64_t number);
  // Reads, decodes and packs them. Any number of threads at once. Corrupt (exit 3) when no
  // substitute is left or a shard is damaged.
  Result<Microbatch> assemble(const Plan& plan) const;
  // From now on these are replaced without a try, in every assemble() that begins. Any thread.
  void avoid(const std::vector<messages::SampleName>& samples);
  // Both.
  Result<Microbatch> make(Phase phase, std::uint64_t index, std::uint64_t number);

  MediaFigures media() const;
  std::uint64_t epoch_size() const;  // samples of one epoch of B and C

 private:
  struct Impl;
  explicit DataStage(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::data
