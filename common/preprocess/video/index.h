#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace desa2va::preprocess {

struct Rational {
  int numerator = 0;
  int denominator = 1;
  bool operator==(const Rational&) const = default;
};

// What the container says before frames are decoded; `desa2va shards probe` prints these names.
struct VideoInfo {
  std::string container;             // libavformat's name: "mov,mp4,m4a,3gp,3g2,mj2"
  std::vector<std::string> streams;  // "video", "audio", "data", ... in file order
  std::string codec;                 // "h264"; of the first video stream, as all below
  std::string profile;               // "High"
  std::string pixel_format;          // "yuv420p"
  int width = 0;                     // of the coded picture, before rotation
  int height = 0;
  int rotation = 0;  // to show it upright, turn it by so much counter-clockwise: -180..180 degrees
  Rational time_base;
  Rational average_rate;
  std::optional<std::int64_t> start_time;  // in time_base; absent where the container has none
  std::optional<std::int64_t> duration;    // the same
  std::int64_t header_frames = 0;          // the container's claim, 0: none; may be wrong
};

// One frame that the decoder delivers.
struct FrameEntry {
  std::int64_t pts = 0;      // in time_base
  std::uint32_t packet = 0;  // number of the packet it is decoded from, in file order
  bool keyframe = false;
  char type = '?';  // I, P, B
  // Decoded with errors, or predicted from such a frame: what it shows is the decoder's guess.
  bool damaged = false;
  std::uint64_t content = 0;  // XXH3 of its planes
};

// Which frames a video really has, in the order shown. Made once by decoding everything (import),
// and the base of every later access by number.
struct VideoIndex {
  std::uint32_t packets = 0;          // video packets with data
  std::vector<FrameEntry> frames;     // pts ascend
  std::vector<std::uint32_t> starts;  // packets from which decoding may start, ascending
  std::string decode_error;           // the first error met, empty: none
};

}  // namespace desa2va::preprocess
