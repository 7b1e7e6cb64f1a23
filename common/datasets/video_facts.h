#pragma once

#include <nlohmann/json.hpp>

#include "common/base/bytes.h"

namespace desa2va::datasets {

// What a video file really holds, found by decoding all of it: `shards probe --json` prints it and
// `video_check` compares it. Never fails: what cannot be opened says so ("opens": false, "error").
//
//   bytes, opens, container, streams, video_streams, codec, profile, pix_fmt, width, height,
//   time_base, average_rate, start_time, duration, header_frames, packets, frames, pts, keyframes,
//   pict_types, crc32_yuv420p (or crc32_native for other pixel formats), and where there are any:
//   rotation, interlaced_frames, damaged_frames, decode_error
nlohmann::json video_facts(const Buffer& bytes);

}  // namespace desa2va::datasets
