#include "common/preprocess/video/decoder_pool.h"

#include <list>
#include <string>

#include "common/base/locked.h"
#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

namespace {

// All that a decoder is told when it is opened.
std::string key_of(const AVCodecParameters& p) {
  std::string key =
      fmt::format("{} {} {} {}x{} {} {} {} ", static_cast<int>(p.codec_id), p.codec_tag, p.format,
                  p.width, p.height, p.profile, p.level, p.video_delay);
  if (p.extradata != nullptr)
    key.append(reinterpret_cast<const char*>(p.extradata),
               static_cast<std::size_t>(p.extradata_size));
  return key;
}

struct Idle {
  std::string key;
  std::unique_ptr<Decoder> decoder;
};

struct Shelf {
  std::list<Idle> idle;  // latest first
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;
};

}  // namespace

struct DecoderPool::State {
  std::size_t capacity = 0;
  Locked<Shelf> shelf;
};

DecoderPool::DecoderPool(std::size_t capacity) : state_(std::make_unique<State>()) {
  state_->capacity = capacity;
}
DecoderPool::~DecoderPool() = default;

std::uint64_t DecoderPool::opened() const {
  return state_->shelf.with([](Shelf& shelf) { return shelf.opened; });
}
std::uint64_t DecoderPool::reused() const {
  return state_->shelf.with([](Shelf& shelf) { return shelf.reused; });
}

std::unique_ptr<Decoder> DecoderPool::take(const AVCodecParameters& parameters) {
  const std::string key = key_of(parameters);
  return state_->shelf.with([&](Shelf& shelf) -> std::unique_ptr<Decoder> {
    for (auto it = shelf.idle.begin(); it != shelf.idle.end(); ++it) {
      if (it->key != key) continue;
      std::unique_ptr<Decoder> decoder = std::move(it->decoder);
      shelf.idle.erase(it);
      ++shelf.reused;
      return decoder;
    }
    ++shelf.opened;
    return nullptr;
  });
}

void DecoderPool::give(const AVCodecParameters& parameters, std::unique_ptr<Decoder> decoder) {
  decoder->restart();
  Idle idle{key_of(parameters), std::move(decoder)};
  std::list<Idle> dropped;  // closed when the lock is free again
  state_->shelf.with([&](Shelf& shelf) {
    shelf.idle.push_front(std::move(idle));
    while (shelf.idle.size() > state_->capacity)
      dropped.splice(dropped.end(), shelf.idle, std::prev(shelf.idle.end()));
  });
}

}  // namespace desa2va::preprocess
