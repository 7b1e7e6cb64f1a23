#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/storage/checkpoint/manifest.h"

namespace desa2va::checkpoint {

// The tensors of one checkpoint. Immutable after `open`: any thread may call it, several at once.
// Every chunk is checked against its hash; Corrupt names tensor, chunk and part.
class CheckpointReader {
 public:
  // Opens the parts that the manifest names. NotFound names a part that is missing.
  static Result<CheckpointReader> open(const std::filesystem::path& dir, Manifest manifest);
  CheckpointReader(CheckpointReader&&) noexcept;
  CheckpointReader& operator=(CheckpointReader&&) noexcept;
  ~CheckpointReader();

  const Manifest& manifest() const;

  // NotFound when the manifest has no such tensor.
  Result<HostTensor> read(std::string_view name) const;
  // Rows [first, first + count) of dimension 0; reads only the chunks that hold them.
  Result<HostTensor> read_rows(std::string_view name, std::int64_t first, std::int64_t count) const;

 private:
  struct Impl;
  explicit CheckpointReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::checkpoint
