#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/weights/tensor_source.h"

namespace desa2va::launcher {

// What the tensors of a SAM-2 tell of their model.
struct SamShapes {
  std::vector<std::string> keys;  // overrides, sam2.hiera.* in full
  // Keys that no shape tells and that were guessed, since these are no published sizes.
  std::vector<std::string> guessed;
};

// `tensors` by official names without prefix. `given`: heads, windows and global blocks come from
// it where its variant is `custom` and its sizes agree. InvalidArgument where the shapes contradict
// each other or a tensor that tells a size is missing (named).
Result<SamShapes> detect_sam(const std::map<std::string, weights::TensorInfo>& tensors,
                             const config::SamConfig& given);

}  // namespace desa2va::launcher
