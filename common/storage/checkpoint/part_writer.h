#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/storage/checkpoint/manifest.h"

namespace rocksdb {
class Env;
}

namespace desa2va::checkpoint {

// Chunks that need not be written again: those of the last committed manifest. A chunk whose part
// is gone is written anew, so knowing too much costs nothing but memory.
using KnownChunks = std::map<ContentHash, Chunk>;
KnownChunks known_chunks(const Manifest& committed);

// One rank's share of one checkpoint: a file `parts/<step>-<rank>.sst` of the chunks that are new.
//
// Belongs to one thread at a time, typically the rank's storage thread. Nothing counts until the
// coordinator commits a manifest that names the part: dropping the writer, or a kill, leaves at
// most a file that Catalog::gc removes. After any failure every call returns that failure;
// Overloaded (with the path) when the disk is full: abandon this save and go on training.
class PartWriter {
 public:
  // `dir`: the store. The part gets a name that no file there has.
  static Result<PartWriter> create(const std::filesystem::path& dir, std::string_view rank,
                                   std::uint64_t step, KnownChunks known,
                                   rocksdb::Env* env = nullptr);
  PartWriter(PartWriter&&) noexcept;
  PartWriter& operator=(PartWriter&&) noexcept;
  ~PartWriter();

  // Cuts, hashes and writes what is new; the tensor is read during the call only.
  Result<void> add(std::string_view name, const HostTensor& tensor);
  // The same for a tensor that is not in memory: `fill` is asked for each chunk in turn, its bytes
  // [first, first + out.size()), so no more than 4 MiB are held.
  using Fill = std::function<Result<void>(std::uint64_t first, MutableByteSpan out)>;
  Result<void> add(std::string_view name, DType dtype, const std::vector<std::int64_t>& shape,
                   const Fill& fill);
  // A tensor known to be what an earlier record says (frozen): not even hashed.
  Result<void> add_unchanged(const TensorRecord& record);
  // Small state that is no tensor.
  Result<void> add_blob(std::string_view name, ByteSpan bytes);

  // Makes the part durable (file and directory synced) under its name. Call once.
  Result<PartReceipt> finish();

 private:
  struct Impl;
  explicit PartWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::checkpoint
