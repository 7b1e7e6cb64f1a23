#include "common/preprocess/video/plan.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::preprocess {
namespace {

class Facts final : public PacketFacts {
 public:
  explicit Facts(std::set<std::uint32_t> disposable) : disposable_(std::move(disposable)) {}
  bool disposable(std::uint32_t packet) const override { return disposable_.contains(packet); }

 private:
  std::set<std::uint32_t> disposable_;
};

// Packets in the order of the file, by the time they are shown; starts are packets.
VideoIndex index_of(const std::vector<std::int64_t>& pts, std::vector<std::uint32_t> starts) {
  VideoIndex index;
  index.packets = static_cast<std::uint32_t>(pts.size());
  index.starts = std::move(starts);
  for (std::uint32_t p = 0; p < pts.size(); ++p) {
    FrameEntry entry;
    entry.pts = pts[p];
    entry.packet = p;
    index.frames.push_back(entry);
  }
  std::sort(index.frames.begin(), index.frames.end(),
            [](const auto& a, const auto& b) { return a.pts < b.pts; });
  return index;
}

std::vector<DecodeRun> plan(const VideoIndex& index, const std::vector<std::uint32_t>& wanted,
                            const Facts& facts = Facts({})) {
  return plan_runs(index, FramesByPacket(index), wanted, facts);
}

const VideoIndex kTwoGroups = index_of({0, 1, 2, 3, 4, 5, 6, 7}, {0, 4});

TEST(PlanRuns, BeginsAtTheLastStartBeforeAFrame) {
  EXPECT_THAT(plan(kTwoGroups, {6}), testing::ElementsAre(DecodeRun{4, 7, {6}}));
}

TEST(PlanRuns, OnePassTakesTheFramesOfAGroup) {
  EXPECT_THAT(plan(kTwoGroups, {4, 6}), testing::ElementsAre(DecodeRun{4, 7, {4, 6}}));
}

TEST(PlanRuns, ANewStartSavesThePacketsBetween) {
  EXPECT_THAT(plan(kTwoGroups, {1, 5}),
              testing::ElementsAre(DecodeRun{0, 2, {1}}, DecodeRun{4, 6, {5}}));
}

TEST(PlanRuns, GoesOnWhereANewStartSavesNothing) {
  EXPECT_THAT(plan(kTwoGroups, {3, 5}), testing::ElementsAre(DecodeRun{0, 6, {3, 5}}));
  EXPECT_THAT(plan(kTwoGroups, {1, 5}, Facts({2, 3})),
              testing::ElementsAre(DecodeRun{0, 6, {1, 5}}));
}

TEST(PlanRuns, EverythingIsOnePass) {
  EXPECT_THAT(plan(kTwoGroups, {0, 1, 2, 3, 4, 5, 6, 7}), testing::SizeIs(1));
}

TEST(PlanRuns, LeadingPicturesNeedTheGroupBefore) {
  // Packet 4 starts a group and is shown at 6; packets 5 and 6 are shown before it.
  const VideoIndex open = index_of({0, 1, 2, 3, 6, 4, 5, 7}, {0, 4});
  EXPECT_THAT(plan(open, {4}), testing::ElementsAre(DecodeRun{0, 6, {4}}));
  EXPECT_THAT(plan(open, {6}), testing::ElementsAre(DecodeRun{4, 5, {6}}));
  // The start comes by on the way to the leading picture: it is not decoded twice.
  EXPECT_THAT(plan(open, {5, 6, 7}), testing::ElementsAre(DecodeRun{0, 8, {5, 6, 7}}));
}

TEST(PlanRuns, AStartThatShowsNothingIsNotUsed) {
  VideoIndex index = kTwoGroups;
  std::erase_if(index.frames, [](const FrameEntry& entry) { return entry.packet == 4; });
  EXPECT_THAT(plan(index, {5}), testing::ElementsAre(DecodeRun{0, 7, {5}}));
}

TEST(NeededPackets, AreThoseOfWantedFramesAndThoseOthersNeed) {
  const Facts facts({1, 2, 5, 6});
  const FramesByPacket frames(kTwoGroups);
  NeededPackets needed({0, 7, {1, 6}}, kTwoGroups, frames, facts);
  std::vector<std::uint32_t> packets;
  for (std::uint32_t p = 0; p < 7; ++p)
    if (needed.needed(p)) packets.push_back(p);
  EXPECT_THAT(packets, testing::ElementsAre(0, 1, 3, 4, 6));
}

TEST(NeededPackets, APacketWithoutAFrameGoesWithTheOneBefore) {
  VideoIndex index = kTwoGroups;  // 2 is the second field of 1, and 6 of 5
  std::erase_if(index.frames, [](const FrameEntry& e) { return e.packet == 2 || e.packet == 6; });
  const Facts facts({1, 2, 5, 6});
  const FramesByPacket frames(index);
  NeededPackets needed({0, 8, {1}}, index, frames, facts);
  std::vector<std::uint32_t> packets;
  for (std::uint32_t p = 0; p < 8; ++p)
    if (needed.needed(p)) packets.push_back(p);
  EXPECT_THAT(packets, testing::ElementsAre(0, 1, 2, 3, 4, 7));
}

TEST(FramesByPacket, FindsEveryFrameOfAPacket) {
  VideoIndex index = index_of({0, 1, 2}, {0});
  index.frames[2].packet = 1;
  const FramesByPacket frames(index);
  EXPECT_EQ(frames.frame(1, 0), 1U);
  EXPECT_EQ(frames.frame(1, 1), 2U);
  EXPECT_EQ(frames.frame(1, 2), FramesByPacket::kNone);
  EXPECT_EQ(frames.frame(2), FramesByPacket::kNone);
  EXPECT_EQ(frames.frame(9), FramesByPacket::kNone);
}

}  // namespace
}  // namespace desa2va::preprocess
