#include "services/data/media.h"

#include <algorithm>

#include "common/datasets/frame_index.h"
#include "common/preprocess/image/decode.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::data {

namespace {

using preprocess::Image;

Result<Buffer> stored(const shards::ShardReader& reader, const datasets::MediaRef& media) {
  auto bytes = reader.media(media.hash);
  if (!bytes) return std::move(bytes.error()).in(media.path).with_exit(ExitCode::Data);
  return std::move(*bytes);
}

// The frames a video shows, as stored at import; nothing where it was stored without.
Result<std::optional<Buffer>> stored_index(const shards::ShardReader& reader,
                                           const datasets::MediaRef& video) {
  auto bytes = reader.frame_index(video.hash);
  if (!bytes) return std::move(bytes.error()).in(video.path).with_exit(ExitCode::Data);
  return std::move(*bytes);
}

Result<preprocess::VideoIndex> decode_stored(const Buffer& bytes, const datasets::MediaRef& video) {
  auto index = datasets::decode_frame_index(bytes.bytes());
  if (!index) return std::move(index.error()).in(video.path).with_exit(ExitCode::Data);
  return std::move(*index);
}

}  // namespace

class MediaCache::Stopwatch {
 public:
  Stopwatch(MediaCache& cache, std::size_t pictures) : cache_(cache), pictures_(pictures) {
    if (cache_.clock_ != nullptr) begin_ns_ = cache_.clock_->now_ns();
    if (cache_.tracer_ != nullptr)
      span_.emplace(*cache_.tracer_, tracing::Span::DecodeMedia, tracing::kNoMicrobatch, 0);
  }
  ~Stopwatch() {
    const std::int64_t took =
        cache_.clock_ != nullptr ? cache_.clock_->now_ns() - begin_ns_ : std::int64_t{0};
    cache_.kept_.with([&](Kept& kept) {
      kept.figures.decoded += pictures_;
      kept.figures.decode_ns += took;
    });
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  MediaCache& cache_;
  const std::size_t pictures_;
  std::int64_t begin_ns_ = 0;
  std::optional<tracing::Scope> span_;
};

std::optional<Image> MediaCache::find(const Key& key) {
  return kept_.with([&](Kept& kept) -> std::optional<Image> {
    const auto place = kept.places.find(key);
    if (place == kept.places.end()) return std::nullopt;
    ++kept.figures.hits;
    kept.entries.splice(kept.entries.begin(), kept.entries, place->second);
    return kept.entries.front().image;
  });
}

void MediaCache::keep(const Key& key, const Image& image) {
  if (image.rgb.size() > limit_) return;
  kept_.with([&](Kept& kept) {
    if (kept.places.contains(key)) return;  // another thread was faster
    kept.figures.bytes += image.rgb.size();
    kept.entries.push_front({key, image});
    kept.places[key] = kept.entries.begin();
    while (kept.figures.bytes > limit_) {
      kept.figures.bytes -= kept.entries.back().image.rgb.size();
      kept.places.erase(kept.entries.back().key);
      kept.entries.pop_back();
    }
  });
}

MediaFigures MediaCache::figures() const {
  return kept_.with([](const Kept& kept) { return kept.figures; });
}

Result<Image> MediaCache::picture(const shards::ShardReader& reader,
                                  const datasets::MediaRef& media) {
  const Key key{media.hash, 0};
  if (const auto image = find(key)) return *image;
  const Stopwatch decoding(*this, 1);
  DESA2VA_ASSIGN(const Buffer bytes, stored(reader, media));
  DESA2VA_ASSIGN(Image image, preprocess::decode_image(bytes.bytes()).in(media.path));
  keep(key, image);
  return image;
}

Result<std::vector<Image>> MediaCache::frames(const shards::ShardReader& reader,
                                              const datasets::MediaRef& video,
                                              std::span<const std::uint32_t> numbers) {
  std::map<std::uint32_t, Image> got;
  std::vector<std::uint32_t> wanted;
  for (const std::uint32_t number : numbers) {
    if (got.contains(number)) continue;
    if (const auto image = find({video.hash, number})) {
      got.emplace(number, *image);
    } else if (wanted.empty() || wanted.back() != number) {
      wanted.push_back(number);
    }
  }
  if (!wanted.empty()) {
    const Stopwatch decoding(*this, wanted.size());
    preprocess::VideoIndex index;
    DESA2VA_ASSIGN(auto decoder, open(reader, video, index));
    DESA2VA_ASSIGN(const std::vector<Image> images, decoder.frames(index, wanted).in(video.path));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      keep({video.hash, wanted[i]}, images[i]);
      got.emplace(wanted[i], images[i]);
    }
  }
  std::vector<Image> out;
  for (const std::uint32_t number : numbers) out.push_back(got.at(number));
  return out;
}

// A video without an index is analysed and decoded once more.
Result<preprocess::VideoReader> MediaCache::open(const shards::ShardReader& reader,
                                                 const datasets::MediaRef& video,
                                                 preprocess::VideoIndex& index) {
  DESA2VA_ASSIGN(const Buffer bytes, stored(reader, video));
  DESA2VA_ASSIGN(const auto known, stored_index(reader, video));
  preprocess::VideoOptions options;
  options.decoders = &decoders_;
  if (clock_ != nullptr) {
    options.clock = clock_;
    options.deadline_ns = clock_->now_ns() + timeout_ms_ * 1'000'000;
  }
  if (known) {
    DESA2VA_ASSIGN(index, decode_stored(*known, video));
    options.index = &index;
    return preprocess::VideoReader::open(bytes, options).in(video.path);
  }
  DESA2VA_ASSIGN(auto decoder, preprocess::VideoReader::open(bytes, options).in(video.path));
  DESA2VA_ASSIGN(index, decoder.scan().in(video.path));
  return decoder;
}

Result<std::uint32_t> MediaCache::frame_count(const shards::ShardReader& reader,
                                              const datasets::MediaRef& video) {
  DESA2VA_ASSIGN(const auto bytes, stored_index(reader, video));
  preprocess::VideoIndex index;
  if (bytes) {
    DESA2VA_ASSIGN(index, decode_stored(*bytes, video));
  } else {
    DESA2VA_TRY(open(reader, video, index));
  }
  return static_cast<std::uint32_t>(index.frames.size());
}

}  // namespace desa2va::data
