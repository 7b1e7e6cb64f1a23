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
  // Exactly so many media files of about equal bytes, where not 0; needs the totals to come.
  std::uint32_t media_files = 0;
  std::uint64_t expected_media = 0;
  std::uint64_t expected_media_bytes = 0;
  bool replace = false;  // else an existing directory is refused
  // Not empty: what was finished is left behind when this writer is dropped or killed, and a later
  // writer of the same directory with the same words goes on there (`kept`).
  std::string resume_as;
  rocksdb::Env* env = nullptr;  // file system of the SST files; tests inject faults
};

// Makes a dataset directory. It grows in a hidden sibling, and `finish` renames it into place: a
// reader sees all of it or nothing; dropping the writer, or a kill, leaves no dataset (the next
// writer of the same directory removes what a dead one left).
//
// Belongs to one thread. Memory: one block, about 80 bytes per medium and 30 per sample. After any
// failure every call returns that failure; a full disk is
// Overloaded and names the file.
class ShardWriter {
 public:
  static Result<ShardWriter> create(const std::filesystem::path& dir, WriterOptions options,
                                    bool use_kept = true);
  ShardWriter(ShardWriter&&) noexcept;
  ShardWriter& operator=(ShardWriter&&) noexcept;
  ~ShardWriter();

  // Stores the bytes of one image or video unless they are here already; 1 byte to 1 GiB.
  Result<ContentHash> media(ByteSpan bytes);

  // The media in complete files of the interrupted writer. They are kept as long as the media come
  // in the same order again, as bytes or by `again`; when another comes, the call fails and
  // `out_of_step` tells that a new start without them (`use_kept` false) is needed.
  bool kept(const ContentHash& hash) const;  // for any thread
  std::uint64_t kept_media() const;
  Result<void> again(const ContentHash& hash);  // of a medium that is kept, or stored already
  bool out_of_step() const;
  // Where it grows, for what else must survive a kill; `finish` removes what it does not know.
  const std::filesystem::path& folder() const;
  // Whether a writer that is dropped unfinished leaves the folder (`resume_as` only).
  void leave_rest(bool leave);

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
