#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <jpeglib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/encode.h"
#include "tests/unit/preprocess/image/pictures.h"

namespace desa2va::preprocess {
namespace {

// A JPEG of one colour in any colour space of libjpeg.
std::string one_color_jpeg(J_COLOR_SPACE space, const std::vector<std::uint8_t>& color) {
  jpeg_compress_struct codec;
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &bytes, &size);
  codec.image_width = 16;
  codec.image_height = 16;
  codec.input_components = static_cast<int>(color.size());
  codec.in_color_space = space;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 100, TRUE);
  jpeg_start_compress(&codec, TRUE);
  std::vector<std::uint8_t> row;
  for (int x = 0; x < 16; ++x) row.insert(row.end(), color.begin(), color.end());
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&codec, &line, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::string file(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return file;
}

std::string encoded(const Image& image, int quality = 95) {
  return std::string(as_text(encode_jpeg(image, quality)->bytes()));
}

TEST(Jpeg, WhatIsWrittenIsReadAlmostTheSame) {
  const Image image = smooth_picture(61, 35);
  const auto decoded = decode_image(as_bytes(encoded(image)));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->width, 61);
  EXPECT_EQ(decoded->height, 35);
  EXPECT_LE(largest_difference(image, *decoded), 12);
}

TEST(Jpeg, EqualPicturesGiveEqualBytes) {
  EXPECT_EQ(encoded(smooth_picture(40, 30)), encoded(smooth_picture(40, 30)));
}

TEST(Jpeg, GreyIsRepeatedInAllChannels) {
  const auto decoded = decode_image(as_bytes(one_color_jpeg(JCS_GRAYSCALE, {77})));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_THAT(decoded->pixels(), testing::Each(77));
  EXPECT_EQ(probe_image(as_bytes(one_color_jpeg(JCS_GRAYSCALE, {77})))->mode, "L");
}

// Inverted CMYK (Adobe): white = K, and each of RGB = white - (255 - ink) * white / 255.
TEST(Jpeg, CmykBecomesRgbAsPillowDoesIt) {
  const std::string file = one_color_jpeg(JCS_CMYK, {200, 100, 255, 180});
  EXPECT_EQ(probe_image(as_bytes(file))->mode, "CMYK");
  const auto decoded = decode_image(as_bytes(file));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_NEAR(decoded->pixels()[0], 180 - 55 * 180 / 255, 2);
  EXPECT_NEAR(decoded->pixels()[1], 180 - 155 * 180 / 255, 2);
  EXPECT_NEAR(decoded->pixels()[2], 180, 2);
}

TEST(Jpeg, ExifOrientationIsIgnored) {
  const std::string plain = encoded(smooth_picture(32, 16));
  // APP1: a little-endian TIFF whose only tag says "turn by 90 degrees".
  const std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
                         32);
  std::string turned = plain.substr(0, 2) + std::string("\xff\xe1\x00\x22", 4) + exif;
  turned += plain.substr(2);
  const auto decoded = decode_image(as_bytes(turned));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_TRUE(same_pixels(*decoded, *decode_image(as_bytes(plain))));
}

TEST(Jpeg, AnyMissingByteAtTheEndMakesItTruncated) {
  const std::string file = encoded(smooth_picture(32, 32));
  for (std::size_t size = 3; size < file.size(); ++size) {
    const auto decoded = decode_image(as_bytes(std::string_view(file).substr(0, size)));
    ASSERT_FALSE(decoded.has_value()) << size << " of " << file.size() << " bytes";
    EXPECT_EQ(decoded.error().code(), Errc::Corrupt);
    EXPECT_THAT(decoded.error().message(), testing::StartsWith("truncated image"));
  }
}

TEST(Jpeg, QualityOutOfRangeIsRefused) {
  const auto refused = encode_jpeg(smooth_picture(8, 8), 101);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::InvalidArgument);
}

TEST(Decode, AnEmptyFileSaysSo) {
  const auto decoded = decode_image({});
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error().message(), testing::StartsWith("empty file"));
}

TEST(Decode, OtherFilesAreNoPictures) {
  const auto decoded = decode_image(as_bytes("<html>404</html>"));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error().message(), testing::StartsWith("not a picture"));
}

}  // namespace
}  // namespace desa2va::preprocess
