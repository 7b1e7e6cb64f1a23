#pragma once

#include "common/base/result.h"
#include "common/config/load.h"

namespace desa2va::config {

// Values that follow from others (`fusion.mode=visual` makes loss.w_fused 0), then what single keys
// cannot tell: divisors, sizes that must fit, modes that exclude each other. The first broken rule
// is named with the keys, their values and where they came from.
Result<void> apply_rules(Loaded& loaded);

}  // namespace desa2va::config
