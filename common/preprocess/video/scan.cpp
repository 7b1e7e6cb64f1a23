#include <map>

#include "common/preprocess/video/reader_state.h"

namespace desa2va::preprocess {

Result<VideoIndex> VideoReader::scan(const FrameVisitor& visit) {
  State& state = *state_;
  VideoIndex index;
  index.packets = state.packet_count();
  index.starts = state.claimed_starts();
  state.start_at(0);
  while (!state.ended) {
    DESA2VA_TRY(
        state.advance(index.decode_error, [&](const AVFrame& frame, bool damaged) -> Result<void> {
          FrameEntry entry;
          entry.packet = Decoder::packet_of(frame);
          entry.pts = state.pts(entry.packet);
          entry.keyframe = frame.key_frame != 0;
          entry.type = av_get_picture_type_char(frame.pict_type);
          entry.damaged = damaged;
          DESA2VA_ASSIGN(entry.content, FrameConverter::content(frame));
          index.frames.push_back(entry);
          if (!visit) return {};
          return visit(DecodedFrame(frame, state.converter, info().rotation,
                                    static_cast<std::uint32_t>(index.frames.size() - 1),
                                    index.frames.back()));
        }));
  }
  return index;
}

Result<void> VideoReader::confirm_starts(VideoIndex& index) {
  State& state = *state_;
  std::map<std::uint32_t, const FrameEntry*> by_packet;
  for (const FrameEntry& entry : index.frames) by_packet[entry.packet] = &entry;
  std::vector<std::uint32_t> good;
  for (std::size_t i = 0; i < index.starts.size(); ++i) {
    const std::uint32_t start = index.starts[i];
    const std::uint32_t end =
        i + 1 < index.starts.size() ? index.starts[i + 1] : state.packet_count();
    std::size_t wanted = 0;  // frames to come: those shown not before the start itself
    for (auto it = by_packet.lower_bound(start); it != by_packet.lower_bound(end); ++it)
      wanted += it->second->pts >= state.pts(start) ? 1 : 0;
    bool same = true;
    std::string ignored;
    for (state.start_at(start); same && wanted > 0 && !state.ended;) {
      DESA2VA_TRY(state.advance(ignored, [&](const AVFrame& frame, bool) -> Result<void> {
        const std::uint32_t packet = Decoder::packet_of(frame);
        const auto known = by_packet.find(packet);
        if (packet >= end || known == by_packet.end() || known->second->pts < state.pts(start))
          return {};
        --wanted;
        DESA2VA_ASSIGN(const std::uint64_t content, FrameConverter::content(frame));
        same = same && content == known->second->content;
        return {};
      }));
    }
    if (same && wanted == 0) good.push_back(start);
  }
  index.starts = std::move(good);
  return {};
}

Result<VideoIndex> VideoReader::index_from(std::span<const std::int64_t> pts,
                                           std::span<const std::uint8_t> keyframes) const {
  if (pts.size() != keyframes.size())
    return fail(Errc::InvalidArgument, "{} time stamps with {} key frame flags", pts.size(),
                keyframes.size());
  const State& state = *state_;
  std::map<std::int64_t, std::uint32_t> packet_at;
  for (std::uint32_t p = 0; p < state.packet_count(); ++p) packet_at.emplace(state.pts(p), p);
  VideoIndex index;
  index.packets = state.packet_count();
  for (std::size_t i = 0; i < pts.size(); ++i) {
    const auto found = packet_at.find(pts[i]);
    if (found == packet_at.end())
      return fail(Errc::Corrupt, "frame {} of the index has pts {}: the video has no such packet",
                  i, pts[i]);
    FrameEntry entry;
    entry.pts = pts[i];
    entry.packet = found->second;
    entry.keyframe = keyframes[i] != 0;
    index.frames.push_back(entry);
  }
  index.starts = state.claimed_starts();
  return index;
}

}  // namespace desa2va::preprocess
