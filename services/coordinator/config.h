#pragma once

#include "common/base/result.h"
#include "common/config/config.h"
#include "services/coordinator/stage.h"

namespace desa2va::coordinator {

// What this service needs of the configuration; `restore_step` comes from the checkpoint store.
Settings read_settings(const config::Config& config, std::uint64_t restore_step);

}  // namespace desa2va::coordinator
