#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/base/checksum.h"
#include "common/storage/shards/records.h"

namespace rocksdb {
class Env;
}

namespace desa2va::shards {

struct WriterOptions {
  std::string dataset;
  std::string kind;
  std::string created_by;                       // program and version
  std::map<std::string, std::string> numerics;  // see Catalog
  std::map<std::string, std::string> facts;
  std::uint64_t max_file_bytes = 1ULL << 30U;  // a media or samples file is closed past this
  bool replace = false;                        // else an existing directory is refused
  rocksdb::Env* env = nullptr;                 // file system of the SST files; tests inject faults
};

// Makes a dataset directory. It grows in a hidden sibling, and `finish` renames it into place: a
// reader sees all of it or nothing; dropping the writer, or a kill, leaves no dataset (the next
// writer of the same directory removes what a dead one left).
//
// Belongs to one thread. Memory: one block, about 100 bytes per medium and per sample, and the
// frame indexes until `finish`. After any failure every call returns that failure; a full disk is
// Overloaded and names the file.
class ShardWriter {
 public:
  static Result<ShardWriter> create(const std::filesystem::path& dir, WriterOptions options);
  ShardWriter(ShardWriter&&) noexcept;
  ShardWriter& operator=(ShardWriter&&) noexcept;
  ~ShardWriter();

  // Stores the bytes of one image or video unless they are here already; 1 byte to 1 GiB.
  Result<ContentHash> media(ByteSpan bytes);

  // Attaches the frame index to a stored video (common/datasets/frame_index.h), opaque here. The
  // last one given counts.
  Result<void> frame_index(const ContentHash& video, ByteSpan index);

  // Adds to Catalog::facts, or replaces.
  void fact(std::string name, std::string text);

  // Appends the next sample and returns its number, from 0. InvalidArgument when it names media
  // that are not stored or repeats a key.
  Result<std::uint64_t> sample(const SampleRecord& sample, const SampleCost& cost);

  // Writes index and catalog, makes all durable and publishes. Call once; the writer is then done.
  Result<Catalog> finish();

 private:
  struct Impl;
  explicit ShardWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::shards
