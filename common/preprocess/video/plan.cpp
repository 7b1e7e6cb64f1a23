#include "common/preprocess/video/plan.h"

#include <algorithm>
#include <optional>

namespace desa2va::preprocess {

FramesByPacket::FramesByPacket(const VideoIndex& index) : first_(index.packets, kNone) {
  for (std::uint32_t i = 0; i < index.frames.size(); ++i) {
    const std::uint32_t packet = index.frames[i].packet;
    if (packet >= first_.size()) continue;
    if (first_[packet] == kNone) {
      first_[packet] = i;
    } else {
      more_.emplace_back(packet, i);
    }
  }
  std::sort(more_.begin(), more_.end());
}

std::uint32_t FramesByPacket::frame(std::uint32_t packet, std::uint32_t nth) const {
  if (packet >= first_.size()) return kNone;
  if (nth == 0) return first_[packet];
  const auto found = std::lower_bound(more_.begin(), more_.end(), std::pair{packet, 0U});
  const std::ptrdiff_t left = more_.end() - found;
  if (static_cast<std::ptrdiff_t>(nth) > left || (found + (nth - 1))->first != packet) return kNone;
  return (found + (nth - 1))->second;
}

namespace {

// The last start from which a frame comes whole: not behind it in the file, nor in the show
// (leading pictures of an open group need the group before). Starts without a frame of their own
// have no place in the show and are not used.
std::uint32_t start_for(const VideoIndex& index, const FramesByPacket& frames,
                        const FrameEntry& entry) {
  auto it = std::upper_bound(index.starts.begin(), index.starts.end(), entry.packet);
  while (it != index.starts.begin()) {
    --it;
    const std::uint32_t shown = frames.frame(*it);
    if (shown != FramesByPacket::kNone && index.frames[shown].pts <= entry.pts) return *it;
  }
  return 0;
}

// Behind the packet and those after it that bring no frame of their own.
std::uint32_t end_of(const FramesByPacket& frames, std::uint32_t packet) {
  std::uint32_t end = packet + 1;
  while (end < frames.packets() && frames.frame(end) == FramesByPacket::kNone) ++end;
  return end;
}

}  // namespace

std::vector<DecodeRun> plan_runs(const VideoIndex& index, const FramesByPacket& frames,
                                 std::span<const std::uint32_t> wanted, const PacketFacts& facts) {
  std::vector<DecodeRun> runs;
  for (const std::uint32_t number : wanted) {
    const FrameEntry& entry = index.frames[number];
    const std::uint32_t start = start_for(index, frames, entry);
    const std::uint32_t end = end_of(frames, entry.packet);
    bool goes_on = false;
    if (!runs.empty() && start >= runs.back().start) {
      goes_on = true;
      for (std::uint32_t p = runs.back().end; p < start && goes_on; ++p)
        goes_on = facts.disposable(p);
    }
    if (!goes_on) runs.push_back({start, end, {}});
    runs.back().end = std::max(runs.back().end, end);
    runs.back().frames.push_back(number);
  }
  return runs;
}

NeededPackets::NeededPackets(const DecodeRun& run, const VideoIndex& index,
                             const FramesByPacket& frames, const PacketFacts& facts)
    : frames_(frames), facts_(facts) {
  for (const std::uint32_t number : run.frames) wanted_.push_back(index.frames[number].packet);
  std::sort(wanted_.begin(), wanted_.end());
}

bool NeededPackets::needed(std::uint32_t packet) {
  if (frames_.frame(packet) == FramesByPacket::kNone) return last_;
  while (next_ < wanted_.size() && wanted_[next_] < packet) ++next_;
  const bool wanted = next_ < wanted_.size() && wanted_[next_] == packet;
  last_ = wanted || !facts_.disposable(packet);
  return last_;
}

}  // namespace desa2va::preprocess
