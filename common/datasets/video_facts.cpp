#include "common/datasets/video_facts.h"

#include <algorithm>

#include "common/base/checksum.h"
#include "common/preprocess/video/reader.h"

namespace desa2va::datasets {

namespace {

using nlohmann::json;
using preprocess::Rational;

json pair_of(Rational value) {
  return json::array({value.numerator, value.denominator});
}

json or_null(const std::optional<std::int64_t>& value) {
  return value ? json(*value) : json(nullptr);
}

void add_stream(json& facts, const preprocess::VideoInfo& info) {
  facts["codec"] = info.codec;
  facts["profile"] = info.profile;
  facts["pix_fmt"] = info.pixel_format;
  facts["width"] = info.width;
  facts["height"] = info.height;
  facts["time_base"] = pair_of(info.time_base);
  facts["average_rate"] = pair_of(info.average_rate);
  facts["start_time"] = or_null(info.start_time);
  facts["duration"] = or_null(info.duration);
  facts["header_frames"] = info.header_frames;
  if (info.rotation != 0) facts["rotation"] = json::array({info.rotation});
}

void add_frames(json& facts, const preprocess::VideoIndex& index,
                const std::vector<std::uint32_t>& crcs, int interlaced) {
  facts["packets"] = index.packets;
  facts["frames"] = index.frames.size();
  json pts = json::array();
  json keyframes = json::array();
  json damaged = json::array();
  std::string types;
  for (std::size_t i = 0; i < index.frames.size(); ++i) {
    const preprocess::FrameEntry& frame = index.frames[i];
    pts.push_back(frame.pts);
    if (frame.keyframe) keyframes.push_back(i);
    if (frame.damaged) damaged.push_back(i);
    types.push_back(frame.type);
  }
  facts["pts"] = std::move(pts);
  facts["keyframes"] = std::move(keyframes);
  facts["pict_types"] = types;
  facts[facts["pix_fmt"] == "yuv420p" ? "crc32_yuv420p" : "crc32_native"] = crcs;
  if (interlaced > 0) facts["interlaced_frames"] = interlaced;
  if (!damaged.empty()) facts["damaged_frames"] = std::move(damaged);
  if (!index.decode_error.empty()) facts["decode_error"] = index.decode_error;
}

}  // namespace

json video_facts(const Buffer& bytes) {
  json facts{{"bytes", bytes.size()}};
  const auto info = preprocess::probe_video(bytes);
  facts["opens"] = info.has_value();
  if (!info) {
    facts["error"] = info.error().message();
    return facts;
  }
  facts["container"] = info->container;
  facts["streams"] = info->streams;
  facts["video_streams"] = std::count(info->streams.begin(), info->streams.end(), "video");
  if (info->codec.empty()) return facts;
  add_stream(facts, *info);
  std::vector<std::uint32_t> crcs;
  int interlaced = 0;
  auto index = [&]() -> Result<preprocess::VideoIndex> {
    DESA2VA_ASSIGN(auto reader, preprocess::VideoReader::open(bytes));
    return reader.scan([&](const preprocess::Frame& frame) -> Result<void> {
      DESA2VA_ASSIGN(const auto planes, frame.planes());
      crcs.push_back(crc32(std::as_bytes(std::span(planes))));
      interlaced += frame.interlaced() ? 1 : 0;
      return {};
    });
  }();
  if (index) {
    add_frames(facts, *index, crcs, interlaced);
  } else {
    facts["error"] = index.error().message();
  }
  return facts;
}

}  // namespace desa2va::datasets
