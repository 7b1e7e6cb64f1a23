#pragma once

#include <string>

#include "common/weights/tensor_source.h"

namespace desa2va::weights {

// A file of torch.save: a zip archive with `<root>/data.pkl` (pickle.h) and raw storages
// `<root>/data/<key>`, little-endian. Views of any offset and stride come out row-major; one that
// is not contiguous keeps its storage in memory while it is read. `verify` checks the CRC-32 of
// every storage. Errors name the file and what is wrong with it; nothing in it is executed.
Result<SourcePtr> open_pt(const std::string& path);
// The same of bytes in memory; `what` names them in messages.
Result<SourcePtr> parse_pt(const Buffer& bytes, const std::string& what);

}  // namespace desa2va::weights
