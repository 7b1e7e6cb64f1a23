#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/preprocess/image/decode.h"

namespace desa2va::preprocess {
namespace {

// Codes of `bits` each, lowest bit first, in one data block.
std::string packed_codes(const std::vector<int>& codes, int bits) {
  std::string bytes;
  unsigned value = 0;
  int held = 0;
  for (const int code : codes) {
    value |= static_cast<unsigned>(code) << held;
    held += bits;
    for (; held >= 8; held -= 8, value >>= 8) bytes.push_back(static_cast<char>(value & 0xff));
  }
  if (held > 0) bytes.push_back(static_cast<char>(value));
  return std::string(1, static_cast<char>(bytes.size())) + bytes + std::string(1, '\0');
}

// A screen of w x h with four colours and one picture on all of it.
std::string small_gif(int width, int height, const std::string& data, bool interlaced = false) {
  std::string gif = "GIF89a";
  const auto word = [&](int value) {
    gif.push_back(static_cast<char>(value & 0xff));
    gif.push_back(static_cast<char>(value >> 8));
  };
  word(width);
  word(height);
  gif += std::string("\x81\0\0", 3);
  gif += std::string("\0\0\0\x10\x11\x12\x20\x21\x22\x30\x31\x32", 12);
  gif += ',';
  word(0);
  word(0);
  word(width);
  word(height);
  gif.push_back(interlaced ? '\x40' : '\0');
  gif.push_back('\x02');
  return gif + data + ";";
}

constexpr int kClear = 4;
constexpr int kEnd = 5;

TEST(Gif, CodesAreLookedUpInThePalette) {
  // A clear code before every second pixel keeps the codes at three bits.
  const std::string gif = small_gif(2, 2, packed_codes({kClear, 0, 1, kClear, 2, 3, kEnd}, 3));
  const auto image = decode_image(as_bytes(gif));
  ASSERT_TRUE(image.has_value()) << image.error().message();
  EXPECT_THAT(image->pixels(),
              testing::ElementsAre(0, 0, 0, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x30, 0x31, 0x32));
}

TEST(Gif, ACodeMayNameTheEntryJustBeingMade) {
  // 1, then 6 = "1 1": the run of four ones takes codes 1, 6 and 1.
  const std::string gif = small_gif(4, 1, packed_codes({kClear, 1, 6, 1}, 3));
  const auto image = decode_image(as_bytes(gif));
  ASSERT_TRUE(image.has_value()) << image.error().message();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(image->pixels()[3 * i], 0x10);
}

TEST(Gif, InterlacedRowsComeInFourPasses) {
  // Rows of one pixel: stored are 0, 4, 2, 1, 3.
  const std::string gif =
      small_gif(1, 5, packed_codes({kClear, 0, 1, kClear, 2, 3, kClear, 0, kEnd}, 3), true);
  const auto image = decode_image(as_bytes(gif));
  ASSERT_TRUE(image.has_value()) << image.error().message();
  const auto row = [&](std::size_t y) { return int{image->pixels()[3 * y]}; };
  EXPECT_EQ(row(0), 0x00);
  EXPECT_EQ(row(4), 0x10);
  EXPECT_EQ(row(2), 0x20);
  EXPECT_EQ(row(1), 0x30);
  EXPECT_EQ(row(3), 0x00);
}

TEST(Gif, TooFewPixelsMakeItTruncated) {
  const auto image = decode_image(as_bytes(small_gif(4, 4, packed_codes({kClear, 0, kEnd}, 3))));
  ASSERT_FALSE(image.has_value());
  EXPECT_THAT(image.error().message(), testing::StartsWith("truncated image"));
}

TEST(Gif, EveryPrefixIsAnErrorAndNothingWorse) {
  const std::string gif = small_gif(2, 2, packed_codes({kClear, 0, 1, kClear, 2, 3, kEnd}, 3));
  for (std::size_t size = 6; size + 2 < gif.size(); ++size)
    EXPECT_FALSE(decode_image(as_bytes(gif.substr(0, size))).has_value()) << size;
}

TEST(Gif, UnknownCodesAreDamage) {
  const auto image = decode_image(as_bytes(small_gif(2, 2, packed_codes({kClear, 7, 7, 7}, 3))));
  ASSERT_FALSE(image.has_value());
  EXPECT_THAT(image.error().message(), testing::StartsWith("damaged image"));
}

}  // namespace
}  // namespace desa2va::preprocess
