#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/storage/checkpoint/catalog.h"

namespace desa2va::checkpoint {

// Removes the files of `parts` that belong to a step up to `last_step` and are not in `named`, and
// adds them to `report`. Files that are no parts of ours stay.
Result<void> collect_parts(const std::filesystem::path& parts, const std::set<std::string>& named,
                           std::uint64_t last_step, GcReport& report);

}  // namespace desa2va::checkpoint
