#pragma once

#include <filesystem>
#include <mutex>
#include <string>

#include "common/base/hash_table.h"
#include "common/datasets/media_memory.h"
#include "common/storage/shards/shard_writer.h"

namespace desa2va::datasets {

// A MediaMemory in a file that grows with every medium decoded: it survives a kill at any instant
// (a torn last record is cut off), so that the next import of the same set decodes none of them
// again. In memory: 50 bytes a medium. Safe for any number of threads.
class MediaJournal final : public MediaMemory {
 public:
  // Goes on with the file where it exists. `writer` tells what it has kept of an interrupted
  // import; it must outlive the journal.
  static Result<std::unique_ptr<MediaJournal>> open(const std::filesystem::path& file,
                                                    const shards::ShardWriter& writer);
  ~MediaJournal() override;

  std::optional<Known> find(const std::string& path, MediaKind kind, FileStamp stamp) override;
  Result<void> remember(const LoadedMedia& media, FileStamp stamp) override;

  // The sink has stored it, so that it need not be handed on again.
  void handed_on(const ContentHash& hash);

  std::uint64_t records() const;                            // in all
  std::uint64_t taken_over() const { return taken_over_; }  // that were there when it was opened

 private:
  struct Record {
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
  };
  MediaJournal(int fd, const shards::ShardWriter& writer) : fd_(fd), writer_(writer) {}
  Result<void> read_all();

  const int fd_;
  const shards::ShardWriter& writer_;
  mutable std::mutex mutex_;
  HashTable<Record> by_path_;     // the latest record of a path
  HashTable<Nothing> handed_on_;  // by content
  std::uint64_t end_ = 0;         // of the file
  std::uint64_t taken_over_ = 0;
};

}  // namespace desa2va::datasets
