#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/decoder_pool.h"
#include "common/preprocess/video/index.h"

namespace desa2va::preprocess {

// The container alone: also answers for files without any video stream (codec is then empty).
// Corrupt, "empty file" or "cannot be opened: ...", for what is no container at all.
Result<VideoInfo> probe_video(Buffer bytes);

// One decoded frame; valid during the call it is passed to.
class Frame {
 public:
  virtual std::uint32_t number() const = 0;  // in the order shown
  virtual const FrameEntry& entry() const = 0;
  virtual bool interlaced() const = 0;
  // The coded picture: planes of the pixel format one after another, rows without padding, no
  // rotation, no deinterlacing. What published checksums are taken of.
  virtual Result<std::vector<std::uint8_t>> planes() const = 0;
  // Upright 8-bit RGB (README: "Colours").
  virtual Result<Image> rgb() const = 0;

 protected:
  ~Frame() = default;
};

using FrameVisitor = std::function<Result<void>(const Frame&)>;

// How to open a video; decoders and clock must outlive the reader.
struct VideoOptions {
  // What an earlier scan of this file found: saves analysing it again, which for a few small frames
  // is most of the work. `info()` then lacks what only analysis tells (pixel format, profile, frame
  // rate). Corrupt if the file has another number of packets.
  const VideoIndex* index = nullptr;
  DecoderPool* decoders = nullptr;  // where to get a decoder from, and leave it
  const Clock* clock = nullptr;     // as set_deadline, for opening too
  std::int64_t deadline_ns = 0;
};

// The price paid so far.
struct DecodeCounts {
  std::uint64_t packets = 0;   // fed to the decoder
  std::uint64_t left_out = 0;  // passed by, since no frame asked for needs them
  std::uint64_t starts = 0;    // times decoding began at some packet
  std::uint64_t retries = 0;   // runs decoded again, more thoroughly
};

// Frames by number out of one video file held in memory, frame-exact.
//
// Knows all packets when opened (places in the file, no copies), so that going to a frame means
// feeding the decoder from the right packet on: no container seek is involved, and the result does
// not depend on the way there. One decoder thread; belongs to one thread at a time.
class VideoReader {
 public:
  // Corrupt: "empty file", "cannot be opened: ...", "no video stream", "no packets".
  // InvalidArgument: frames of more than 2^26 pixels. Timeout: the deadline passed.
  static Result<VideoReader> open(Buffer bytes, const VideoOptions& options = {});
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  ~VideoReader();

  const VideoInfo& info() const;

  // From now on calls end with Timeout once `clock` passes `deadline_ns` (looked at between
  // packets). `clock` must outlive the reader.
  void set_deadline(const Clock& clock, std::int64_t deadline_ns);

  // Decodes everything in order; `visit` may be empty. Damage is no error: it is in the index.
  Result<VideoIndex> scan(const FrameVisitor& visit = {});

  // Decodes again from each start of `index` and takes out those that do not reproduce what the
  // scan has seen (a container may claim key frames that are none).
  Result<void> confirm_starts(VideoIndex& index);

  // The index of a video that was scanned before, from the pts and key frames kept of it, without
  // decoding. Types, damage and content are not known; Corrupt if a pts is not in the file.
  Result<VideoIndex> index_from(std::span<const std::int64_t> pts,
                                std::span<const std::uint8_t> keyframes) const;

  // Visits the frames of those numbers (any order, repeats allowed) once each, ascending, decoding
  // as few packets as they need (plan.h). Where the index knows a frame's content, what is visited
  // is that content: packets are decoded more thoroughly until it is (damaged pictures depend on
  // what came before), so the pixels of a frame do not depend on which others are asked for.
  // InvalidArgument for a number outside `index`; Corrupt if a frame does not come, or not as the
  // index says.
  Result<void> visit_frames(const VideoIndex& index, std::span<const std::uint32_t> numbers,
                            const FrameVisitor& visit);

  // The same as pictures, one for each entry of `numbers`, in its order. `damaged` (may be null)
  // gets one flag each.
  Result<std::vector<Image>> frames(const VideoIndex& index, std::span<const std::uint32_t> numbers,
                                    std::vector<bool>* damaged = nullptr);

  const DecodeCounts& counts() const;

 private:
  struct State;
  explicit VideoReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace desa2va::preprocess
