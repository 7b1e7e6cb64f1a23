#pragma once

#include "common/config/load.h"

namespace desa2va::config {

// Keys that are declared and documented but whose other values this version cannot train with yet.
// InvalidArgument (exit 2) names the key, the value and what works; printing such a configuration
// is fine, running it would silently do something else.
Result<void> check_supported(const Loaded& loaded);

}  // namespace desa2va::config
