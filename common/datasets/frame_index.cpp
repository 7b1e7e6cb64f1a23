#include "common/datasets/frame_index.h"

#include "common/storage/rocks/wire.h"
#include "schemas/shard.capnp.h"

namespace desa2va::datasets {

Buffer encode_frame_index(const preprocess::VideoIndex& index) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StoredVideoIndex>();
  root.setPackets(index.packets);
  auto frames = root.initFrames(static_cast<std::uint32_t>(index.frames.size()));
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    const auto& frame = index.frames[i];
    frames[i].setPts(frame.pts);
    frames[i].setContent(frame.content);
    frames[i].setPacket(frame.packet);
    frames[i].setType(static_cast<std::uint8_t>(frame.type));
    frames[i].setKeyframe(frame.keyframe);
    frames[i].setDamaged(frame.damaged);
  }
  auto starts = root.initStarts(static_cast<std::uint32_t>(index.starts.size()));
  for (std::uint32_t i = 0; i < starts.size(); ++i) starts.set(i, index.starts[i]);
  root.setDecodeError(index.decode_error.c_str());
  return rocks::to_bytes(message);
}

Result<preprocess::VideoIndex> decode_frame_index(ByteSpan bytes) {
  return rocks::with_message<schema::StoredVideoIndex>(
      bytes, "frame index",
      [](schema::StoredVideoIndex::Reader root) -> Result<preprocess::VideoIndex> {
        preprocess::VideoIndex index;
        index.packets = root.getPackets();
        for (const auto stored : root.getFrames()) {
          preprocess::FrameEntry frame;
          frame.pts = stored.getPts();
          frame.content = stored.getContent();
          frame.packet = stored.getPacket();
          frame.type = static_cast<char>(stored.getType());
          frame.keyframe = stored.getKeyframe();
          frame.damaged = stored.getDamaged();
          const bool ascends = index.frames.empty() || index.frames.back().pts < frame.pts;
          if (!ascends || frame.packet >= index.packets) {
            return fail(Errc::Corrupt, "frame index: frame {} has pts {} and packet {} of {}",
                        index.frames.size(), frame.pts, frame.packet, index.packets);
          }
          index.frames.push_back(frame);
        }
        for (const auto packet : root.getStarts()) {
          const bool ascends = index.starts.empty() || index.starts.back() < packet;
          if (!ascends || packet >= index.packets) {
            return fail(Errc::Corrupt, "frame index: decoding starts at packet {} of {}", packet,
                        index.packets);
          }
          index.starts.push_back(packet);
        }
        index.decode_error = rocks::to_string(root.getDecodeError());
        return index;
      });
}

}  // namespace desa2va::datasets
