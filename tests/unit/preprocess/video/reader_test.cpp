#include "common/preprocess/video/reader.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/checksum.h"
#include "tests/unit/preprocess/video/videos.h"

namespace desa2va::preprocess {
namespace {

std::uint64_t content_of(const Frame& frame) {
  const auto planes = frame.planes();
  return checksum64(std::as_bytes(std::span(*planes)));
}

// Numbers visited, each checked against what the scan saw.
std::vector<std::uint32_t> visit(VideoReader& reader, const VideoIndex& index,
                                 const std::vector<std::uint32_t>& numbers) {
  std::vector<std::uint32_t> visited;
  const auto done = reader.visit_frames(index, numbers, [&](const Frame& frame) -> Result<void> {
    visited.push_back(frame.number());
    EXPECT_EQ(content_of(frame), index.frames[frame.number()].content) << frame.number();
    return {};
  });
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
  return visited;
}

TEST(VideoReader, FindsEveryFrameInTheOrderShown) {
  auto reader = VideoReader::open(small_video(30));
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->info().codec, "h264");
  EXPECT_EQ(reader->info().width, 64);
  const auto index = reader->scan();
  ASSERT_TRUE(index.has_value());
  ASSERT_EQ(index->frames.size(), 30U);
  EXPECT_TRUE(std::is_sorted(index->frames.begin(), index->frames.end(),
                             [](const auto& a, const auto& b) { return a.pts < b.pts; }));
  EXPECT_TRUE(index->frames[0].keyframe);
  EXPECT_GE(index->starts.size(), 3U);
  EXPECT_THAT(index->frames, testing::Each(testing::Field(&FrameEntry::damaged, false)));
}

TEST(VideoReader, FramesByNumberAreThoseOfTheScan) {
  auto reader = VideoReader::open(small_video(30));
  const auto index = reader->scan();
  EXPECT_THAT(visit(*reader, *index, {29}), testing::ElementsAre(29));
  EXPECT_THAT(visit(*reader, *index, {0}), testing::ElementsAre(0));
  EXPECT_THAT(visit(*reader, *index, {17, 3, 17, 28, 4}), testing::ElementsAre(3, 4, 17, 28));
  for (std::uint32_t i = 0; i < 30; ++i) visit(*reader, *index, {i});
}

TEST(VideoReader, ConfirmedStartsAreAllOfARealVideo) {
  auto reader = VideoReader::open(small_video(30));
  auto index = reader->scan();
  const auto starts = index->starts;
  ASSERT_TRUE(reader->confirm_starts(*index).has_value());
  EXPECT_EQ(index->starts, starts);
}

TEST(VideoReader, JumpsToTheLastStartInsteadOfDecodingAll) {
  auto reader = VideoReader::open(small_video(60, 8));
  const auto index = reader->scan();
  const std::uint64_t before = reader->counts().packets;
  visit(*reader, *index, {58});
  EXPECT_LT(reader->counts().packets - before, 20U);
}

TEST(VideoReader, GivesOnePicturePerNumberAskedInThatOrder) {
  auto reader = VideoReader::open(small_video(12));
  const auto index = reader->scan();
  std::vector<bool> damaged;
  const std::vector<std::uint32_t> numbers = {7, 2, 7};
  const auto images = reader->frames(*index, numbers, &damaged);
  ASSERT_TRUE(images.has_value());
  ASSERT_EQ(images->size(), 3U);
  EXPECT_EQ((*images)[0].rgb.data(), (*images)[2].rgb.data());
  EXPECT_THAT(damaged, testing::Each(false));
  // The square begins at column 7 in frame 7, at column 2 in frame 2.
  const auto red = [](const Image& image, int x) {
    return int{image.pixels()[static_cast<std::size_t>((16 * image.width + x) * 3)]};
  };
  EXPECT_LT(red((*images)[0], 4), 90);
  EXPECT_GT(red((*images)[0], 12), 170);
  EXPECT_GT(red((*images)[1], 5), 170);
}

TEST(VideoReader, AnIndexMadeOfTimeStampsFindsTheSameFrames) {
  const Buffer bytes = small_video(20);
  auto reader = VideoReader::open(bytes);
  const auto scanned = reader->scan();
  std::vector<std::int64_t> pts;
  std::vector<std::uint8_t> keyframes;
  for (const FrameEntry& frame : scanned->frames) {
    pts.push_back(frame.pts);
    keyframes.push_back(frame.keyframe ? 1 : 0);
  }
  auto other = VideoReader::open(bytes);
  const auto index = other->index_from(pts, keyframes);
  ASSERT_TRUE(index.has_value());
  const std::vector<std::uint32_t> numbers = {13};
  const auto done = other->visit_frames(*index, numbers, [&](const Frame& frame) -> Result<void> {
    EXPECT_EQ(content_of(frame), scanned->frames[13].content);
    return {};
  });
  EXPECT_TRUE(done.has_value());
}

TEST(VideoReader, ATimeStampThatIsNotThereIsCorrupt) {
  auto reader = VideoReader::open(small_video(4));
  const std::vector<std::int64_t> pts = {0, 987654321};
  const std::vector<std::uint8_t> keyframes = {1, 0};
  EXPECT_EQ(reader->index_from(pts, keyframes).error().code(), Errc::Corrupt);
}

TEST(VideoReader, ANumberBehindTheEndIsRefused) {
  auto reader = VideoReader::open(small_video(4));
  const auto index = reader->scan();
  const std::vector<std::uint32_t> numbers = {4};
  EXPECT_EQ(reader->frames(*index, numbers).error().code(), Errc::InvalidArgument);
}

TEST(VideoReader, DamageIsReportedUntilTheNextStartAndNowhereElse) {
  const Buffer good = small_video(32, 8);
  auto intact = VideoReader::open(good);
  const auto expected = intact->scan();
  // The coded pictures lie in "mdat"; spoil some bytes well inside.
  std::string bytes(as_text(good.bytes()));
  const std::size_t media = bytes.find("mdat");
  ASSERT_NE(media, std::string::npos);
  for (std::size_t i = 0; i < 60; ++i) {
    char& byte = bytes[media + (bytes.size() - media) / 3 + i];
    byte = static_cast<char>(~byte);
  }
  auto reader = VideoReader::open(Buffer::copy_of(as_bytes(bytes)));
  ASSERT_TRUE(reader.has_value());
  const auto index = reader->scan();
  ASSERT_TRUE(index.has_value());
  std::size_t differing = 0;
  for (const FrameEntry& frame : index->frames) {
    const auto same = std::find_if(expected->frames.begin(), expected->frames.end(),
                                   [&](const FrameEntry& e) { return e.pts == frame.pts; });
    ASSERT_NE(same, expected->frames.end());
    if (same->content == frame.content) continue;
    ++differing;
    EXPECT_TRUE(frame.damaged) << frame.pts;
  }
  EXPECT_GT(differing, 0U);
  const auto is_damaged = [](const FrameEntry& frame) { return frame.damaged; };
  EXPECT_LT(std::count_if(index->frames.begin(), index->frames.end(), is_damaged), 24);
}

TEST(VideoReader, AVideoWithoutItsHeaderCannotBeOpened) {
  const Buffer good = small_video(8);
  const std::string bytes(as_text(good.bytes()));
  const std::size_t header = bytes.find("moov");
  ASSERT_NE(header, std::string::npos);
  const auto reader = VideoReader::open(Buffer::copy_of(as_bytes(bytes.substr(0, header - 4))));
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().code(), Errc::Corrupt);
  EXPECT_THAT(reader.error().message(), testing::StartsWith("cannot be opened"));
}

TEST(VideoReader, EmptyFilesAndTextsCannotBeOpened) {
  EXPECT_THAT(VideoReader::open(Buffer()).error().message(),
              testing::StartsWith("cannot be opened: empty file"));
  EXPECT_THAT(VideoReader::open(Buffer::copy_of(as_bytes("<html>404</html>"))).error().message(),
              testing::StartsWith("cannot be opened"));
}

// A clock that goes on by a second at each look.
class RunningClock final : public Clock {
 public:
  std::int64_t now_ns() const override { return now_ns_ += 1'000'000'000; }
  double wall_seconds() const override { return 0; }

 private:
  mutable std::int64_t now_ns_ = 0;
};

TEST(VideoReader, ADeadlineEndsTheScan) {
  auto reader = VideoReader::open(small_video(30));
  const RunningClock clock;
  reader->set_deadline(clock, 10'000'000'000);
  EXPECT_EQ(reader->scan().error().code(), Errc::Timeout);
}

TEST(VideoReader, AnErrorOfTheVisitorEndsTheVisit) {
  auto reader = VideoReader::open(small_video(10));
  const auto index = reader->scan();
  int visits = 0;
  const std::vector<std::uint32_t> numbers = {1, 2, 3};
  const auto done = reader->visit_frames(*index, numbers, [&](const Frame&) -> Result<void> {
    ++visits;
    return fail(Errc::Cancelled, "enough");
  });
  EXPECT_EQ(done.error().code(), Errc::Cancelled);
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace desa2va::preprocess
