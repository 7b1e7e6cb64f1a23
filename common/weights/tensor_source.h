#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/host_tensor.h"
#include "common/base/result.h"

namespace desa2va::weights {

// Type and shape; the bytes are elsewhere.
struct TensorInfo {
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;

  std::int64_t numel() const {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    return count;
  }
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(numel()) * size_of(dtype); }
  bool operator==(const TensorInfo&) const = default;
};
// "f32[2, 3]".
std::string describe(const TensorInfo& info);

// Fills `out` with the bytes of a tensor (row-major, little-endian) from byte `first` on.
using Fill = std::function<Result<void>(std::uint64_t first, MutableByteSpan out)>;

// Files of named tensors, of whatever format, read piece by piece: a model of any size passes
// through a few MiB. What lies in the header is checked on opening; belongs to one thread.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual const std::map<std::string, TensorInfo>& tensors() const = 0;
  // Bytes [first, first + out.size()) of the tensor `name`, which must be one of `tensors()`.
  virtual Result<void> read(const std::string& name, std::uint64_t first,
                            MutableByteSpan out) const = 0;
  // Reads what can only be checked by reading everything (checksums). Corrupt names the tensor.
  virtual Result<void> verify() const { return {}; }
  // Path, for messages.
  virtual std::string describe() const = 0;

  Result<HostTensor> read_all(const std::string& name) const;
};

using SourcePtr = std::unique_ptr<TensorSource>;

// A .safetensors file, a folder of them with its index, a .pt or .pth file, by its name. The
// message of an InvalidArgument says what is allowed.
Result<SourcePtr> open_source(const std::string& path);

}  // namespace desa2va::weights
