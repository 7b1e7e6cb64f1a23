#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"
#include "services/coordinator/stage.h"

namespace desa2va::coordinator {

// What this service needs of the configuration; the rest comes from the checkpoint store.
Settings read_settings(const config::Config& config, std::uint64_t restore_step,
                       const Record& restored);

// The record among the facts of a checkpoint; one without it (older than it is) has an empty one.
// Corrupt names the fact that cannot be read.
using Facts = std::map<std::string, std::string>;
void put_record(const Record& record, Facts& facts);
Result<Record> record_of(const Facts& facts);

}  // namespace desa2va::coordinator
