#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/parameters/inventory.h"

namespace desa2va::mllm {

// What this service needs of the configuration.
struct Config {
  config::ModelConfig model;
  parameters::Preset preset;
  std::uint64_t seed = 42;
  std::int64_t microbatches = 1;    // M: every loss is divided by it
  std::int64_t in_flight = 4;       // microbatches between forward and backward
  std::int64_t img_context_id = 0;  // of the tokenizer in use
  std::int64_t seg_id = 0;
  config::TrainConfig train;
  std::string device = "cpu";
  int threads = 1;
};

// InvalidArgument (exit 2) names a key that does not fit the tokenizer.
Result<Config> read_config(const config::Config& config);

}  // namespace desa2va::mllm
