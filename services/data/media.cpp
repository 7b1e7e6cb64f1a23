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

// What was stored at import; a video without it is decoded once more.
Result<preprocess::VideoIndex> index_of(const shards::ShardReader& reader,
                                        const datasets::MediaRef& video,
                                        preprocess::VideoReader& decoder) {
  auto bytes = reader.frame_index(video.hash);
  if (!bytes) return std::move(bytes.error()).in(video.path).with_exit(ExitCode::Data);
  if (!bytes->has_value()) return decoder.scan().in(video.path);
  auto index = datasets::decode_frame_index((*bytes)->bytes());
  if (!index) return std::move(index.error()).in(video.path).with_exit(ExitCode::Data);
  return std::move(*index);
}

}  // namespace

const Image* MediaCache::find(const Key& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  ++hits_;
  entries_.splice(entries_.begin(), entries_, place->second);
  return &entries_.front().image;
}

void MediaCache::keep(const Key& key, const Image& image) {
  if (image.rgb.size() > limit_ || places_.contains(key)) return;
  bytes_ += image.rgb.size();
  entries_.push_front({key, image});
  places_[key] = entries_.begin();
  while (bytes_ > limit_) {
    bytes_ -= entries_.back().image.rgb.size();
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

Result<Image> MediaCache::picture(const shards::ShardReader& reader,
                                  const datasets::MediaRef& media) {
  const Key key{media.hash, 0};
  if (const Image* image = find(key)) return *image;
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
    if (const Image* image = find({video.hash, number})) {
      got.emplace(number, *image);
    } else if (wanted.empty() || wanted.back() != number) {
      wanted.push_back(number);
    }
  }
  if (!wanted.empty()) {
    DESA2VA_ASSIGN(auto decoder, open(reader, video));
    DESA2VA_ASSIGN(const auto index, index_of(reader, video, decoder));
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

Result<preprocess::VideoReader> MediaCache::open(const shards::ShardReader& reader,
                                                 const datasets::MediaRef& video) const {
  DESA2VA_ASSIGN(const Buffer bytes, stored(reader, video));
  DESA2VA_ASSIGN(auto decoder, preprocess::VideoReader::open(bytes).in(video.path));
  if (clock_ != nullptr) decoder.set_deadline(*clock_, clock_->now_ns() + timeout_ms_ * 1'000'000);
  return decoder;
}

Result<std::uint32_t> MediaCache::frame_count(const shards::ShardReader& reader,
                                              const datasets::MediaRef& video) {
  DESA2VA_ASSIGN(auto decoder, open(reader, video));
  DESA2VA_ASSIGN(const auto index, index_of(reader, video, decoder));
  return static_cast<std::uint32_t>(index.frames.size());
}

}  // namespace desa2va::data
