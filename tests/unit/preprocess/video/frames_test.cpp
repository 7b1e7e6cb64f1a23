// Any frames of any video are those of a full pass, for no more packets than they need.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/checksum.h"
#include "common/base/random.h"
#include "common/preprocess/video/packet_traits.h"
#include "common/preprocess/video/reader.h"
#include "tests/unit/preprocess/video/made_video.h"

namespace desa2va::preprocess {
namespace {

struct Case {
  std::string name;
  Making making;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, const std::function<void(Making&)>& change) {
    Making making;
    change(making);
    all.push_back({name, making});
  };
  add("Pyramid", [](Making& m) { m.options = {{"x264-params", "b-pyramid=normal:bframes=5"}}; });
  add("NoPyramid", [](Making& m) { m.options = {{"x264-params", "b-pyramid=none"}}; });
  add("OpenGop", [](Making& m) { m.options = {{"x264-params", "open-gop=1:scenecut=0"}}; });
  add("LongGop", [](Making& m) { m.keyframe_interval = 250; });
  add("OnlyKeyframes", [](Making& m) { m.keyframe_interval = 1; });
  add("NoBFrames", [](Making& m) { m.b_frames = 0; });
  add("Interlaced", [](Making& m) { m.options = {{"x264-params", "tff=1"}}; });
  add("VariableRate", [](Making& m) { m.pts = [](int i) { return std::int64_t{i} * (i + 3); }; });
  add("FromNegativeTime", [](Making& m) { m.pts = [](int i) { return std::int64_t{i} - 7; }; });
  add("OddSize", [](Making& m) {
    m.codec = "libvpx-vp9";
    m.container = "webm";
    m.width = 61;
    m.height = 45;
  });
  add("Matroska", [](Making& m) { m.container = "matroska"; });
  add("TransportStream", [](Making& m) { m.container = "mpegts"; });
  add("Hevc", [](Making& m) {
    m.codec = "libx265";
    m.options = {{"x265-params", "log-level=none:pools=none:frame-threads=1"}};
  });
  add("Mpeg4", [](Making& m) {
    m.codec = "mpeg4";
    m.b_frames = 2;
  });
  add("Mpeg2", [](Making& m) {
    m.codec = "mpeg2video";
    m.container = "mpegts";
    m.b_frames = 2;
  });
  add("MotionJpeg", [](Making& m) {
    m.codec = "mjpeg";
    m.container = "matroska";
    m.b_frames = 0;
  });
  return all;
}

class AnyFrames : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    file_ = made_video(GetParam().making);
    if (file_.empty()) GTEST_SKIP() << "this FFmpeg has no " << GetParam().making.codec;
    auto reader = VideoReader::open(file_);
    ASSERT_TRUE(reader.has_value());
    auto index = reader->scan();
    ASSERT_TRUE(index.has_value());
    ASSERT_TRUE(reader->confirm_starts(*index).has_value());
    index_ = std::move(*index);
    ASSERT_GE(index_.frames.size(), 41U);  // an edit list hides the seven before time 0
  }

  // Visits, compares with the scan, and gives the price.
  DecodeCounts visit(VideoReader& reader, const std::vector<std::uint32_t>& numbers) const {
    const DecodeCounts before = reader.counts();
    std::vector<std::uint32_t> visited;
    const auto done = reader.visit_frames(index_, numbers, [&](const Frame& frame) -> Result<void> {
      visited.push_back(frame.number());
      const auto planes = frame.planes();
      EXPECT_EQ(checksum64(std::as_bytes(std::span(*planes))),
                index_.frames[frame.number()].content);
      EXPECT_FALSE(frame.entry().damaged);
      return {};
    });
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
    std::vector<std::uint32_t> expected = numbers;
    std::sort(expected.begin(), expected.end());
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
    EXPECT_EQ(visited, expected);
    DecodeCounts price = reader.counts();
    price.packets -= before.packets;
    price.starts -= before.starts;
    price.retries -= before.retries;
    return price;
  }

  Buffer file_;
  VideoIndex index_;
};

TEST_P(AnyFrames, AreThoseOfAFullPass) {
  const Random random(1, "test", GetParam().name);
  DecoderPool decoders(2);
  auto scanned = VideoReader::open(file_);
  for (std::uint64_t i = 0; i < 25; ++i) {
    std::vector<std::uint32_t> numbers;
    const std::uint64_t count = 1 + random.below(100 * i, i % 3 == 0 ? 2 : 20);
    for (std::uint64_t k = 0; k < count; ++k)
      numbers.push_back(
          static_cast<std::uint32_t>(random.below(100 * i + k + 1, index_.frames.size())));
    EXPECT_EQ(visit(*scanned, numbers).retries, 0U);
    auto opened = VideoReader::open(file_, {&index_, &decoders});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    EXPECT_EQ(visit(*opened, numbers).retries, 0U);
  }
}

TEST_P(AnyFrames, AllOfThemAreOnePassOverEveryPacket) {
  auto reader = VideoReader::open(file_, {&index_});
  std::vector<std::uint32_t> all(index_.frames.size());
  std::iota(all.begin(), all.end(), 0U);
  const DecodeCounts price = visit(*reader, all);
  EXPECT_EQ(price.starts, 1U);
  EXPECT_LE(price.packets, index_.packets);
}

INSTANTIATE_TEST_SUITE_P(Videos, AnyFrames, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// The frames that others are predicted from, read off the file by hand: without a pyramid these are
// the I and P frames.
TEST(FewFrames, CostNoMoreThanTheReferencesBeforeThem) {
  Making making;
  making.frames = 240;
  making.keyframe_interval = 120;
  making.options = {{"x264-params", "b-pyramid=none:scenecut=0:b-adapt=0"}};
  const Buffer file = made_video(making);
  auto reader = VideoReader::open(file);
  const auto index = reader->scan();
  ASSERT_TRUE(index.has_value());
  const auto is_reference = [&](const FrameEntry& entry) { return entry.type != 'B'; };
  const Random random(2, "test", "few");
  for (std::uint64_t i = 0; i < 40; ++i) {
    std::vector<std::uint32_t> numbers;
    for (std::uint64_t k = 0; k < 5; ++k)
      numbers.push_back(static_cast<std::uint32_t>(48 * k + random.below(5 * i + k, 48)));
    std::uint64_t least = 0;
    for (std::size_t group = 0; group < index->starts.size(); ++group) {
      const std::uint32_t from = index->starts[group];
      const std::uint32_t to =
          group + 1 < index->starts.size() ? index->starts[group + 1] : index->packets;
      std::uint32_t last = 0;
      std::uint64_t others = 0;
      for (const std::uint32_t number : numbers) {
        const FrameEntry& entry = index->frames[number];
        if (entry.packet < from || entry.packet >= to) continue;
        last = std::max(last, entry.packet + 1);
        others += is_reference(entry) ? 0 : 1;
      }
      least += others;
      for (const FrameEntry& entry : index->frames)
        least += entry.packet >= from && entry.packet < last && is_reference(entry) ? 1 : 0;
    }
    const std::uint64_t before = reader->counts().packets;
    ASSERT_TRUE(reader->frames(*index, numbers).has_value());
    const std::uint64_t paid = reader->counts().packets - before;
    EXPECT_LE(static_cast<double>(paid), 1.05 * static_cast<double>(least));
  }
}

TEST(FewFrames, LeaveOutMostOfALongGroupOfBFrames) {
  Making making;
  making.frames = 120;
  making.keyframe_interval = 250;
  making.options = {{"x264-params", "b-pyramid=none:scenecut=0:b-adapt=0"}};
  const Buffer file = made_video(making);
  auto reader = VideoReader::open(file);
  const auto index = reader->scan();
  const std::uint64_t before = reader->counts().packets;
  ASSERT_TRUE(reader->frames(*index, std::vector<std::uint32_t>{119}).has_value());
  EXPECT_LE(reader->counts().packets - before, 120U / 4 + 3);
}

// x264 marks its frames; what the packets say must agree.
TEST(PacketReader, KnowsWhichPacketsNobodyNeeds) {
  const auto h264 = [](std::initializer_list<int> bytes) {
    std::vector<std::byte> packet;
    for (const int b : bytes) packet.push_back(static_cast<std::byte>(b));
    return packet;
  };
  const PacketReader annex_b(PacketSyntax::H264, {});
  EXPECT_TRUE(annex_b.traits(h264({0, 0, 1, 0x01, 0x80, 0, 0, 1, 0x01, 0x80})).disposable);
  EXPECT_FALSE(annex_b.traits(h264({0, 0, 1, 0x01, 0x80, 0, 0, 1, 0x41, 0x80})).disposable);
  EXPECT_FALSE(annex_b.traits(h264({0, 0, 1, 0x65, 0x80})).disposable);
  EXPECT_FALSE(annex_b.traits(h264({0, 0, 1, 0x06, 0x80})).disposable);  // no picture at all
  EXPECT_TRUE(annex_b.traits(h264({0, 0, 1, 0x67, 0x80})).parameters);
  const auto avcc = h264({1, 100, 0, 31, 0xff, 0xe1, 0, 0});  // lengths of four bytes
  const PacketReader lengths(PacketSyntax::H264, avcc);
  EXPECT_TRUE(lengths.traits(h264({0, 0, 0, 2, 0x01, 0x80})).disposable);
  EXPECT_FALSE(lengths.traits(h264({0, 0, 0, 2, 0x21, 0x80})).disposable);
  EXPECT_FALSE(lengths.traits(h264({0, 0, 0, 9, 0x01, 0x80})).disposable);  // cut off
  EXPECT_FALSE(lengths.traits(h264({0, 0, 0, 2, 0x01, 0x80, 7})).disposable);
  EXPECT_FALSE(lengths.traits({}).disposable);
  const PacketReader mpeg4(PacketSyntax::Mpeg4Part2, {});
  EXPECT_TRUE(mpeg4.traits(h264({0, 0, 1, 0xb6, 0x80, 0})).disposable);
  EXPECT_FALSE(mpeg4.traits(h264({0, 0, 1, 0xb6, 0x40, 0})).disposable);
  EXPECT_FALSE(mpeg4.traits(h264({0, 0, 1, 0xb6, 0x40, 0, 0, 0, 1, 0xb6, 0x80, 0})).disposable);
  EXPECT_FALSE(PacketReader().traits(h264({0, 0, 1, 0x01, 0x80})).disposable);
}

TEST(DecoderPool, TheNextVideoOfAKindReusesADecoder) {
  const Buffer file = made_video({});
  auto first = VideoReader::open(file);
  const auto index = first->scan();
  DecoderPool decoders(1);
  for (int i = 0; i < 3; ++i) {
    auto reader = VideoReader::open(file, {&*index, &decoders});
    ASSERT_TRUE(reader->frames(*index, std::vector<std::uint32_t>{5}).has_value());
  }
  EXPECT_EQ(decoders.opened(), 1U);
  EXPECT_EQ(decoders.reused(), 2U);
  Making other;
  other.width = 80;
  auto different = VideoReader::open(made_video(other), {nullptr, &decoders});
  ASSERT_TRUE(different.has_value());
  EXPECT_EQ(decoders.opened(), 2U);
}

TEST(DecoderPool, ADecoderThatMetDamageIsNotKept) {
  std::string bytes(as_text(made_video({}).bytes()));
  const std::size_t media = bytes.find("mdat");
  for (std::size_t i = 0; i < 600; ++i) bytes[media + bytes.size() / 2 + i] = '\xab';
  DecoderPool decoders(1);
  for (int i = 0; i < 2; ++i) {
    auto reader = VideoReader::open(Buffer::copy_of(as_bytes(bytes)), {nullptr, &decoders});
    ASSERT_TRUE(reader.has_value());
    ASSERT_TRUE(reader->scan().has_value());
  }
  EXPECT_EQ(decoders.reused(), 0U);
}

TEST(VideoOptions, AnIndexOfAnotherVideoIsCorrupt) {
  auto reader = VideoReader::open(made_video({}));
  auto index = reader->scan();
  Making shorter;
  shorter.frames = 20;
  const auto opened = VideoReader::open(made_video(shorter), {&*index});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Errc::Corrupt);
  EXPECT_THAT(opened.error().message(), testing::HasSubstr("another video"));
}

TEST(VideoOptions, AFrameThatIsNotWhatTheIndexSaysIsCorrupt) {
  const Buffer file = made_video({});
  auto reader = VideoReader::open(file);
  auto index = reader->scan();
  index->frames[9].content ^= 1;
  const auto images = reader->frames(*index, std::vector<std::uint32_t>{9});
  ASSERT_FALSE(images.has_value());
  EXPECT_EQ(images.error().code(), Errc::Corrupt);
  EXPECT_THAT(images.error().message(), testing::HasSubstr("frame 9"));
  EXPECT_TRUE(reader->frames(*index, std::vector<std::uint32_t>{8, 10}).has_value());
}

TEST(VideoOptions, ADeadlineThatHasPassedEndsOpening) {
  const FakeClock clock;
  const auto opened = VideoReader::open(made_video({}), {nullptr, nullptr, &clock, -1});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Errc::Timeout);
}

TEST(DamagedFrames, AreTheSameWhicheverOthersAreAskedFor) {
  Making making;
  making.options = {{"x264-params", "b-pyramid=normal"}};
  std::string bytes(as_text(made_video(making).bytes()));
  const std::size_t media = bytes.find("mdat");
  for (std::size_t i = 0; i < 600; ++i) bytes[media + bytes.size() / 2 + i] = '\xab';
  const Buffer file = Buffer::copy_of(as_bytes(bytes));
  auto reader = VideoReader::open(file);
  const auto index = reader->scan();
  ASSERT_TRUE(index.has_value());
  std::vector<std::uint32_t> damaged;
  for (std::uint32_t i = 0; i < index->frames.size(); ++i)
    if (index->frames[i].damaged) damaged.push_back(i);
  ASSERT_FALSE(damaged.empty());
  for (const std::uint32_t number : damaged) {
    auto alone = VideoReader::open(file, {&*index});
    const std::vector<std::uint32_t> one = {number};
    const auto done = alone->visit_frames(*index, one, [&](const Frame& frame) -> Result<void> {
      const auto planes = frame.planes();
      EXPECT_EQ(checksum64(std::as_bytes(std::span(*planes))), index->frames[number].content);
      EXPECT_TRUE(frame.entry().damaged);
      return {};
    });
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
  }
}

}  // namespace
}  // namespace desa2va::preprocess
