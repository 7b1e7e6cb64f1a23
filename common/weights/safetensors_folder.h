#pragma once

#include <string>

#include "common/weights/tensor_source.h"

namespace desa2va::weights {

// A folder as Hugging Face lays it: `model.safetensors.index.json` with a `weight_map` {tensor:
// file}, or a single file. Corrupt, naming tensor and file, where the index and the files disagree:
// a tensor that its file lacks, one that the index does not know, one in two files. InvalidArgument
// where files lie there without an index; NotFound where there is none at all.
Result<SourcePtr> open_safetensors_folder(const std::string& folder);

}  // namespace desa2va::weights
