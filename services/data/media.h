#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/reader.h"
#include "common/storage/shards/shard_reader.h"

namespace desa2va::data {

// Decoded pictures of the shards, the latest kept up to a number of bytes. A hit changes nothing
// but time. One thread.
//
// A failure that asks for exit code 3 is of the shards and ends the run; any other is of this one
// picture or video, and its sample can be replaced.
class MediaCache {
 public:
  // `clock` (may be null: no deadline) must outlive the cache.
  MediaCache(std::size_t bytes, const Clock* clock, std::int64_t timeout_ms)
      : limit_(bytes), clock_(clock), timeout_ms_(timeout_ms) {}

  Result<preprocess::Image> picture(const shards::ShardReader& reader,
                                    const datasets::MediaRef& media);
  // One picture for each of `numbers` (frames of the file, ascending, repeats allowed).
  Result<std::vector<preprocess::Image>> frames(const shards::ShardReader& reader,
                                                const datasets::MediaRef& video,
                                                std::span<const std::uint32_t> numbers);

  // Frames the video shows, from its stored index.
  Result<std::uint32_t> frame_count(const shards::ShardReader& reader,
                                    const datasets::MediaRef& video);

  std::size_t bytes() const { return bytes_; }
  std::uint64_t hits() const { return hits_; }

 private:
  using Key = std::pair<ContentHash, std::uint32_t>;
  struct Entry {
    Key key;
    preprocess::Image image;
  };
  Result<preprocess::VideoReader> open(const shards::ShardReader& reader,
                                       const datasets::MediaRef& video) const;
  const preprocess::Image* find(const Key& key);
  void keep(const Key& key, const preprocess::Image& image);

  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  const Clock* clock_;
  std::int64_t timeout_ms_;
  std::list<Entry> entries_;  // latest first
  std::map<Key, std::list<Entry>::iterator> places_;
};

}  // namespace desa2va::data
