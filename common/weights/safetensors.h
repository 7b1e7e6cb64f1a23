#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "common/base/host_tensor.h"
#include "common/base/result.h"
#include "common/weights/tensor_source.h"

// Readers of safetensors files: u64 little-endian header length, JSON header {name: {dtype, shape,
// data_offsets}} with an optional "__metadata__" of strings, then raw little-endian data. The
// bytes may come from anyone.
//
// Corrupt, naming file and tensor, if a length, offset, shape or type does not fit the bytes that
// are there, if tensors overlap or leave holes, or if a name appears twice. Accepted types: F64 F32
// F16 BF16 I64 I32 U8 BOOL.
namespace desa2va::weights {

// The file as a source, read piece by piece.
Result<SourcePtr> open_safetensors(const std::string& path);

// All of a small file at once.
struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  // Views into the mapped file, which they keep alive; pages are read when touched.
  std::map<std::string, HostTensor> tensors;
};

// NotFound if there is no such file. It must not change while mapped.
Result<SafetensorsFile> read_safetensors(const std::string& path);

// The same from bytes; tensors then share `bytes`. `what` names them in messages.
Result<SafetensorsFile> parse_safetensors(const Buffer& bytes, const std::string& what);

}  // namespace desa2va::weights
