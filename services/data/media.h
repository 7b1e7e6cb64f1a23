#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/locked.h"
#include "common/base/result.h"
#include "common/datasets/sample.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/reader.h"
#include "common/runtime/tracing/tracer.h"
#include "common/storage/shards/shard_reader.h"

namespace desa2va::data {

// What a cache did so far.
struct MediaFigures {
  std::uint64_t hits = 0;     // pictures and frames that were here
  std::uint64_t decoded = 0;  // that were not
  std::int64_t decode_ns = 0;
  std::size_t bytes = 0;  // held now
};

// Decoded pictures of the shards, the latest kept up to a number of bytes. A hit changes nothing
// but time. Any number of threads: one that decodes holds up no other.
//
// A failure that asks for exit code 3 is of the shards and ends the run; any other is of this one
// picture or video, and its sample can be replaced.
class MediaCache {
 public:
  // `clock` (may be null: no deadline, no times) and `tracer` (may be null: no spans) must outlive
  // the cache.
  MediaCache(std::size_t bytes, const Clock* clock, std::int64_t timeout_ms,
             tracing::Tracer* tracer = nullptr)
      : limit_(bytes), clock_(clock), timeout_ms_(timeout_ms), tracer_(tracer) {}

  Result<preprocess::Image> picture(const shards::ShardReader& reader,
                                    const datasets::MediaRef& media);
  // One picture for each of `numbers` (frames of the file, ascending, repeats allowed).
  Result<std::vector<preprocess::Image>> frames(const shards::ShardReader& reader,
                                                const datasets::MediaRef& video,
                                                std::span<const std::uint32_t> numbers);

  // Frames the video shows, from its stored index.
  Result<std::uint32_t> frame_count(const shards::ShardReader& reader,
                                    const datasets::MediaRef& video);

  MediaFigures figures() const;

 private:
  using Key = std::pair<ContentHash, std::uint32_t>;
  struct Entry {
    Key key;
    preprocess::Image image;
  };
  struct Kept {
    std::list<Entry> entries;  // latest first
    std::map<Key, std::list<Entry>::iterator> places;
    MediaFigures figures;
  };
  // Counts what decoding takes, from here to the end of its life.
  class Stopwatch;

  // Gives the frames there are in `index`, too.
  Result<preprocess::VideoReader> open(const shards::ShardReader& reader,
                                       const datasets::MediaRef& video,
                                       preprocess::VideoIndex& index);
  std::optional<preprocess::Image> find(const Key& key);
  void keep(const Key& key, const preprocess::Image& image);

  const std::size_t limit_;
  const Clock* const clock_;
  const std::int64_t timeout_ms_;
  tracing::Tracer* const tracer_;
  Locked<Kept> kept_;
  // One for each thread that decodes, and a few kinds of video.
  preprocess::DecoderPool decoders_{16};
};

}  // namespace desa2va::data
