#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/storage/checkpoint/checkpoint_reader.h"

namespace desa2va::launcher {

// The tensors of a checkpoint as floats, any stretch of any of them. Belongs to one thread.
class StoredTensors {
 public:
  explicit StoredTensors(const checkpoint::CheckpointReader& reader) : reader_(reader) {}

  bool has(const std::string& name) const { return reader_.manifest().find(name) != nullptr; }
  // As stored; the tensor must be there.
  DType dtype(const std::string& name) const { return reader_.manifest().find(name)->dtype; }
  const std::vector<std::int64_t>& shape(const std::string& name) const {
    return reader_.manifest().find(name)->shape;
  }
  // Elements [first, first + out.size()), row-major. Corrupt names tensor and chunk.
  Result<void> read(const std::string& name, std::uint64_t first, std::span<float> out) const;
  Result<std::vector<float>> all(const std::string& name) const;

 private:
  const checkpoint::CheckpointReader& reader_;
};

}  // namespace desa2va::launcher
