#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "common/datasets/sample.h"

namespace desa2va::datasets {

// The sample as one JSON object for people and checks (`shards cat --json`, `import_check`): the
// names its set uses, masks as area and CRC-32 of the row-major 0/1 bytes, and always "dataset",
// "split", "key", "status" and "reason". Derived from the record alone.
Result<nlohmann::json> facts_of(const Sample& sample);

}  // namespace desa2va::datasets
