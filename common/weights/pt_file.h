#pragma once

#include <string>

#include "common/weights/tensor_source.h"

namespace desa2va::weights {

// A file of torch.save: a zip archive with `<root>/data.pkl` (pickle.h) and raw storages
// `<root>/data/<key>`, little-endian. Views of any offset and stride come out row-major; one that
// is not contiguous keeps its storage in memory while it is read. `verify` checks the CRC-32 of
// every storage. Errors name the file and what is wrong with it; nothing in it is executed.
Result<SourcePtr> open_pt(const std::string& path);

}  // namespace desa2va::weights
