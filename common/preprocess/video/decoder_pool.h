#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

struct AVCodecParameters;

namespace desa2va::preprocess {

class Decoder;

// Opened decoders that wait for the next video of the same kind (codec, parameter sets, size):
// opening one is most of the price of a few small frames. Any number of threads.
class DecoderPool {
 public:
  // Keeps at most `capacity` idle decoders, the latest ones, a few pictures of memory each.
  explicit DecoderPool(std::size_t capacity);
  ~DecoderPool();
  DecoderPool(const DecoderPool&) = delete;
  DecoderPool& operator=(const DecoderPool&) = delete;

  std::uint64_t opened() const;
  std::uint64_t reused() const;

 private:
  friend class VideoReader;
  // A fitting decoder, or null.
  std::unique_ptr<Decoder> take(const AVCodecParameters& parameters);
  void give(const AVCodecParameters& parameters, std::unique_ptr<Decoder> decoder);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace desa2va::preprocess
