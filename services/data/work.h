#pragma once

#include <cstdint>

#include "common/config/config.h"
#include "common/datasets/sample.h"
#include "common/storage/shards/catalog.h"

namespace desa2va::data {

// What a sample costs the trainer, in tokens of the language model: its tiles and text, and the
// frames that sam2 encodes. A function of the cost index and the configuration. The time that
// decoding took at import is left out on purpose: it would make the order of training depend on the
// machine that imported the data.
std::uint64_t work_of(const config::Config& config, datasets::SampleKind kind,
                      const shards::SampleCost& cost);

}  // namespace desa2va::data
