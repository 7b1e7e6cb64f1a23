#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "common/config/config.h"

namespace desa2va::launcher {

// Learns a byte-level BPE vocabulary of data.vocabulary ordinary tokens from the texts of
// data.mixture's shards and writes it to `folder` in Qwen's files. The same shards give the same
// vocabulary. At most the first 200,000 texts are read.
Result<void> learn_vocabulary(const config::DataConfig& data, const std::filesystem::path& folder);

}  // namespace desa2va::launcher
