#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "services/coordinator/stage.h"

namespace desa2va::coordinator {

// What this service needs of the configuration; the rest comes from the checkpoint store.
Settings read_settings(const config::Config& config, std::uint64_t restore_step,
                       const Counts& restored);

// Counts among the facts of a checkpoint. One without them (older than they are) has none.
using Facts = std::map<std::string, std::string>;
void put_counts(const Counts& counts, Facts& facts);
Counts counts_of(const Facts& facts);

}  // namespace desa2va::coordinator
