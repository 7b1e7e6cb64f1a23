#pragma once

#include <span>

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
};

// H.264 (High, yuv420p, BT.601 limited range) in MP4 by libx264 through libavcodec. All frames of
// one size with even sides, at least one. One thread, no time stamps: same frames, options and
// library versions, same bytes.
Result<Buffer> encode_mp4(std::span<const Image> frames, const Mp4Options& options = {});

}  // namespace desa2va::preprocess
