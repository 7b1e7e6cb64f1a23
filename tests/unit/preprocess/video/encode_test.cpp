#include "common/preprocess/video/encode.h"

#include <gtest/gtest.h>

#include "common/preprocess/video/reader.h"
#include "tests/unit/preprocess/video/videos.h"

namespace desa2va::preprocess {
namespace {

TEST(EncodeMp4, EqualFramesGiveEqualBytes) {
  const Buffer a = small_video(9);
  const Buffer b = small_video(9);
  EXPECT_EQ(as_text(a.bytes()), as_text(b.bytes()));
}

TEST(EncodeMp4, KeepsColoursAndFrameRate) {
  const auto frames = moving_square(6);
  Mp4Options options;
  options.crf = 1;
  options.rate = {12, 1};
  auto reader = VideoReader::open(*encode_mp4(frames, options));
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->info().average_rate, (Rational{12, 1}));
  const auto index = reader->scan();
  ASSERT_EQ(index->frames.size(), 6U);
  const std::vector<std::uint32_t> numbers = {0, 5};
  const auto decoded = reader->frames(*index, numbers);
  ASSERT_TRUE(decoded.has_value());
  // Away from the edges of the square, where chroma of half the size must blur.
  for (const auto& [x, y] : {std::pair{8, 16}, std::pair{50, 40}}) {
    const auto at = static_cast<std::size_t>((y * 64 + x) * 3);
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_NEAR((*decoded)[0].pixels()[at + c], frames[0].pixels()[at + c], 4);
  }
}

TEST(EncodeMp4, OneFrameIsAVideo) {
  auto reader = VideoReader::open(small_video(1));
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(reader->scan()->frames.size(), 1U);
}

TEST(EncodeMp4, OddSidesAndMixedSizesAreRefused) {
  EXPECT_EQ(encode_mp4(moving_square(2, 63, 48)).error().code(), Errc::InvalidArgument);
  auto frames = moving_square(1, 64, 48);
  frames.push_back(moving_square(1, 32, 48)[0]);
  EXPECT_EQ(encode_mp4(frames).error().code(), Errc::InvalidArgument);
  EXPECT_EQ(encode_mp4({}).error().code(), Errc::InvalidArgument);
}

}  // namespace
}  // namespace desa2va::preprocess
