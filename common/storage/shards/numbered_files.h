#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/storage/rocks/sst.h"
#include "common/storage/shards/catalog.h"
#include "common/storage/shards/shard_writer.h"

namespace desa2va::shards {

// Files of one kind with running numbers as keys; a new one is begun when the last is full. For
// shard_writer.cpp alone.
class NumberedFiles {
 public:
  // One entry, as a note of a complete file has it.
  struct Kept {
    ContentHash hash;
    std::uint64_t bytes = 0;
    std::uint32_t file = 0;
    std::uint64_t offset = 0;  // of the value in the file
  };
  using Placed = std::function<void(const Kept&)>;

  NumberedFiles(std::string_view kind, rocks::Kind sst, const WriterOptions& options,
                Placed placed = {})
      : kind_(kind), sst_(sst), options_(options), placed_(std::move(placed)) {}

  // The number that the value got.
  Result<std::uint64_t> append(const std::filesystem::path& dir, ByteSpan value,
                               const ContentHash& hash);
  // Finishes the open file; `placed` is told where its values came to lie (media only).
  Result<void> close(const std::filesystem::path& dir);

  std::uint32_t file() const { return static_cast<std::uint32_t>(files_.size() - 1); }
  const std::vector<FileEntry>& files() const { return files_; }

  // What `close` wrote down of complete files (WriterOptions::resume_as), in order, without gaps.
  std::vector<Kept> take_over(const std::filesystem::path& dir);
  // The value with the next number is in a file taken over.
  std::uint64_t skip() { return next_++; }

 private:
  bool full() const;
  Result<void> locate_values(const std::filesystem::path& path);

  std::string_view kind_;
  rocks::Kind sst_;
  const WriterOptions& options_;
  Placed placed_;
  std::optional<rocks::SstWriter> writer_;
  std::vector<FileEntry> files_;
  std::vector<Kept> written_;  // of the open file (media only)
  std::uint64_t next_ = 0;
  std::uint64_t bytes_ = 0;  // of all values
};

}  // namespace desa2va::shards
