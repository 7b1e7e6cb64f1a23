#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/parameters/inventory.h"

namespace desa2va::sam2 {

// What this service needs of the configuration.
struct Config {
  config::ModelConfig model;
  parameters::Preset preset;
  std::string preset_name;
  std::uint64_t seed = 42;
  std::int64_t microbatches = 1;  // M: every loss is divided by it
  std::int64_t ahead = 4;         // microbatches whose frames may be encoded before their prompts
  std::uint64_t last_step_of_a = 0;  // 0: no phase A
  bool centered_masks = false;       // data.mask_resize=center
  config::TrainConfig train;
  std::string device = "cpu";
  int threads = 1;
};

// InvalidArgument (exit 2) when the phases do not fit the steps.
Result<Config> read_config(const config::Config& config);

}  // namespace desa2va::sam2
