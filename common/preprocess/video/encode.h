#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "common/preprocess/video/index.h"

namespace desa2va::preprocess {

struct Mp4Options {
  Rational rate{24, 1};  // frames per second
  int crf = 18;          // x264's constant rate factor, 0 (lossless) .. 51
  int keyframe_interval = 48;
  int b_frames = 2;
  std::string preset = "medium";  // x264's: "ultrafast" .. "veryslow"
};

// H.264 (High, yuv420p, BT.601 limited range) in MP4 by libx264 through libavcodec. All frames of
// one size with even sides, at least one. One thread, no time stamps: same frames, options and
// library versions, same bytes.
Result<Buffer> encode_mp4(std::span<const Image> frames, const Mp4Options& options = {});

// The same into a file, frame by frame: what is held does not grow with the video. Belongs to one
// thread. Destroyed before `finish`, it leaves a file that nothing can read; remove it.
class Mp4Encoder {
 public:
  // InvalidArgument: odd or too small sides; Unavailable: the file cannot be made.
  static Result<Mp4Encoder> create(const std::filesystem::path& file, int width, int height,
                                   const Mp4Options& options = {});
  Mp4Encoder(Mp4Encoder&&) noexcept;
  Mp4Encoder& operator=(Mp4Encoder&&) noexcept;
  ~Mp4Encoder();

  // Overloaded (exit 6) when the disk is full.
  Result<void> add(const Image& frame);
  Result<void> finish();

 private:
  friend Result<Buffer> encode_mp4(std::span<const Image> frames, const Mp4Options& options);
  struct State;
  explicit Mp4Encoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace desa2va::preprocess
