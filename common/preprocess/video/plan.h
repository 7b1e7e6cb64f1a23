#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/preprocess/video/index.h"

namespace desa2va::preprocess {

// Packets [start, end) of one pass of the decoder, and the frames that are wanted of it.
struct DecodeRun {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  std::vector<std::uint32_t> frames;  // ascending
  bool operator==(const DecodeRun&) const = default;
};

// What the planner must know of a video besides its index.
class PacketFacts {
 public:
  virtual ~PacketFacts() = default;
  // Whether the packet may be left out when its own frame is not wanted.
  virtual bool disposable(std::uint32_t packet) const = 0;
};

// Which frame comes of each packet, by packet number.
class FramesByPacket {
 public:
  explicit FramesByPacket(const VideoIndex& index);
  static constexpr std::uint32_t kNone = 0xffffffff;
  // The `nth` frame that comes of it (nearly always there is one), or kNone.
  std::uint32_t frame(std::uint32_t packet, std::uint32_t nth = 0) const;
  std::uint32_t packets() const { return static_cast<std::uint32_t>(first_.size()); }

 private:
  std::vector<std::uint32_t> first_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> more_;  // (packet, frame), sorted
};

// The passes that deliver `wanted` (ascending, no repeats, all in the index) with the fewest
// packets decoded: each begins at the last start from which its first frame comes whole, and goes
// on to a further frame unless a later start saves a packet that others need. Pure.
std::vector<DecodeRun> plan_runs(const VideoIndex& index, const FramesByPacket& frames,
                                 std::span<const std::uint32_t> wanted, const PacketFacts& facts);

// Whether the run must decode this packet: for a frame of its own, or for others. Packets that
// bring no frame (second fields, hidden pictures) belong to the one before them.
class NeededPackets {
 public:
  NeededPackets(const DecodeRun& run, const VideoIndex& index, const FramesByPacket& frames,
                const PacketFacts& facts);
  bool needed(std::uint32_t packet);  // ascending packets, from run.start on

 private:
  const FramesByPacket& frames_;
  const PacketFacts& facts_;
  std::vector<std::uint32_t> wanted_;  // packets of the frames, ascending
  std::size_t next_ = 0;
  bool last_ = true;
};

}  // namespace desa2va::preprocess
