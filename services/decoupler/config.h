#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/parameters/inventory.h"

namespace desa2va::decoupler {

// What this service needs of the configuration.
struct Config {
  config::ModelConfig model;
  parameters::Preset preset;
  std::string preset_name;
  std::uint64_t seed = 42;
  std::int64_t microbatches = 1;  // M: every loss is divided by it
  config::TrainConfig train;
  std::string device = "cpu";
  int threads = 1;
};

// InvalidArgument (exit 2) names what one decoupler cannot do yet.
Result<Config> read_config(const config::Config& config);

}  // namespace desa2va::decoupler
