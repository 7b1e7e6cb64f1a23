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
#include "common/preprocess/video/index.h"

namespace desa2va::preprocess {

// One decoded frame, valid during the call it is passed to.
struct Frame {
  std::uint32_t number = 0;  // in the order shown
  FrameEntry entry;
  // The coded picture: planes of info().pixel_format one after another, rows without padding, no
  // rotation, no deinterlacing. What published checksums are taken of.
  std::function<std::vector<std::uint8_t>()> planes;
  // Upright 8-bit RGB (README: "Colours").
  std::function<Result<Image>()> rgb;
};

// Frames by number out of one video file held in memory, frame-exact.
//
// Reads all packets when opened (copies of the coded data, no pixels), so that going to a frame
// means feeding the decoder from the right packet on: no container seek is involved, and the
// result does not depend on the way there. Single-threaded; belongs to one thread at a time.
class VideoReader {
 public:
  // Corrupt: not a video, no video stream, or not a single packet. `bytes` is kept alive.
  static Result<VideoReader> open(Buffer bytes);
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;
  ~VideoReader();

  const VideoInfo& info() const;

  // Every call below ends with Timeout when the clock passes `deadline_ns` (checked between
  // packets). `clock` must outlive the reader. Default: none.
  void set_deadline(const Clock& clock, std::int64_t deadline_ns);

  // Decodes everything in order; `visit` may be empty. Damage is no error: it is in the index.
  Result<VideoIndex> scan(const std::function<Result<void>(const Frame&)>& visit = {});

  // Visits the frames of those numbers (any order, repeats allowed) once each, ascending. One
  // pass: continues where it is, or starts anew at the nearest start packet, whichever decodes
  // less. InvalidArgument for a number outside of `index`; Corrupt if a frame does not come.
  Result<void> visit_frames(const VideoIndex& index, std::span<const std::uint32_t> numbers,
                            const std::function<Result<void>(const Frame&)>& visit);

  // The same as pictures, one for each entry of `numbers`, in its order. `damaged` (may be null)
  // gets one flag each.
  Result<std::vector<Image>> frames(const VideoIndex& index, std::span<const std::uint32_t> numbers,
                                    std::vector<bool>* damaged = nullptr);

  // Pictures that the decoder has delivered so far, shown or not: the price paid.
  std::uint64_t pictures_decoded() const;

 private:
  struct State;
  explicit VideoReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace desa2va::preprocess
