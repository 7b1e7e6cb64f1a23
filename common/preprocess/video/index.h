#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace desa2va::preprocess {

struct Rational {
  int numerator = 0;
  int denominator = 1;
  bool operator==(const Rational&) const = default;
};

// What the container says before anything is decoded; names as `desa2va shards probe` prints them.
struct VideoInfo {
  std::string container;             // libavformat's name: "mov,mp4,m4a,3gp,3g2,mj2"
  std::vector<std::string> streams;  // "video", "audio", "data", ... in file order
  std::string codec;                 // "h264"; of the first video stream, as all below
  std::string profile;               // "High"
  std::string pixel_format;          // "yuv420p"
  int width = 0;                     // of the coded picture, before rotation
  int height = 0;
  int rotation = 0;  // degrees of the display matrix, counter-clockwise, -180..180
  Rational time_base;
  Rational average_rate;
  std::int64_t start_time = 0;           // in time_base
  std::optional<std::int64_t> duration;  // in time_base; absent where the container has none
  std::int64_t header_frames = 0;        // the container's claim, 0: none; may be wrong
};

// One frame that the decoder delivers, in the order shown.
struct FrameEntry {
  std::int64_t pts = 0;      // in time_base
  std::uint32_t packet = 0;  // number of the packet it is decoded from, in file order
  bool keyframe = false;
  char type = '?';  // I, P, B
  // Decoded with errors, or predicted from such a frame: what it shows is the decoder's guess.
  bool damaged = false;
};

// Which frames a video really has. Made once by decoding everything (import), kept with the media,
// and the base of every later access by number.
struct VideoIndex {
  VideoInfo info;
  std::uint32_t packets = 0;          // video packets with data
  std::vector<FrameEntry> frames;     // in the order shown; pts ascend
  std::vector<std::uint32_t> starts;  // packets from which decoding may start, ascending
  std::string decode_error;           // the first error met, empty: none
  std::int64_t decode_ns = 0;         // what decoding all of it took here, for cost estimates
};

// Canonical bytes (schemas/sample.capnp, VideoIndex) without decode_ns, so that equal videos give
// equal bytes.
Buffer encode_index(const VideoIndex& index);
Result<VideoIndex> decode_index(ByteSpan bytes);

}  // namespace desa2va::preprocess
