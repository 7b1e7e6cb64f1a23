#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/checksum.h"
#include "common/storage/shards/records.h"

namespace desa2va::shards {

// A dataset directory, opened for reading. Immutable after `open`: any number of threads may call
// it at once, any number of processes may open the same directory, nothing is locked or written.
// What is returned is a copy that outlives the reader.
//
// Corrupt names file, key or media hash, and what disagrees; the reader stays usable for the rest.
class ShardReader {
 public:
  // Reads the catalog and the cost index (40 bytes a sample stay in memory), opens every file.
  // Does not read the media: `verify` does.
  static Result<ShardReader> open(const std::filesystem::path& dir);
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;
  ~ShardReader();

  const Catalog& catalog() const;
  std::uint64_t sample_count() const;                  // broken ones included
  const std::vector<std::uint64_t>& usable() const;    // ascending numbers
  const SampleCost& cost(std::uint64_t number) const;  // number < sample_count()

  // NotFound past the end.
  Result<SampleRecord> sample(std::uint64_t number) const;

  // The bytes, verified against their hash. NotFound when the dataset has no such media.
  Result<Buffer> media(const ContentHash& hash) const;
  // What the writer attached, opaque here; empty for an image or a video stored without one.
  Result<std::optional<Buffer>> frame_index(const ContentHash& hash) const;

 private:
  struct Impl;
  explicit ShardReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::shards
