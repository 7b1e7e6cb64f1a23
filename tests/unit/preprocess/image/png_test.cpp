#include <csetjmp>
#include <string>
#include <vector>

#include <png.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/encode.h"
#include "tests/unit/preprocess/image/pictures.h"

namespace desa2va::preprocess {
namespace {

void append_to_string(png_structp png, png_bytep bytes, std::size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(bytes), size);
}

// One row of pixels in any layout of PNG; two palette entries where it needs some.
std::string one_row_png(int color, int depth, int width, std::vector<std::uint8_t> row) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append_to_string, [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), 1, depth, color, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const png_color palette[2] = {{10, 20, 30}, {40, 50, 60}};
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
  png_write_info(png, info);
  png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

std::vector<int> pixels_of(const std::string& file) {
  const auto image = decode_image(as_bytes(file));
  if (!image) return {};
  return {image->pixels().begin(), image->pixels().end()};
}

TEST(Png, RgbIsKeptExactly) {
  const Image image = random_picture(33, 17, 1);
  const auto file = encode_png(image);
  ASSERT_TRUE(file.has_value());
  const auto decoded = decode_image(file->bytes());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(same_pixels(image, *decoded));
}

TEST(Png, PaletteIndicesAreKeptAndColoured) {
  const IndexedImage image{3, 2, {0, 1, 2, 3, 1, 0}};
  const auto file = encode_png(image);
  ASSERT_TRUE(file.has_value());
  const auto indices = decode_indices(file->bytes());
  ASSERT_TRUE(indices.has_value()) << indices.error().message();
  EXPECT_EQ(indices->indices, image.indices);
  const auto colours = decode_image(file->bytes());
  ASSERT_TRUE(colours.has_value());
  const Rgb first = object_color(1);
  EXPECT_EQ(colours->pixels()[3], first.r);
  EXPECT_EQ(colours->pixels()[4], first.g);
  EXPECT_EQ(colours->pixels()[5], first.b);
}

TEST(Png, ObjectColoursAreThoseOfTheVocPalette) {
  EXPECT_EQ(object_color(0).r, 0);
  EXPECT_EQ(object_color(1).r, 128);
  EXPECT_EQ(object_color(2).g, 128);
  EXPECT_EQ(object_color(4).b, 128);
  EXPECT_EQ(object_color(9).r, 192);
}

TEST(Png, AnIndexWithoutColourIsRefused) {
  const Rgb palette[1] = {{1, 2, 3}};
  const auto file = encode_png(IndexedImage{2, 1, {0, 1}}, palette);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code(), Errc::InvalidArgument);
}

TEST(Png, AlphaIsDropped) {
  const std::string file = one_row_png(PNG_COLOR_TYPE_RGB_ALPHA, 8, 2, {1, 2, 3, 0, 4, 5, 6, 255});
  EXPECT_THAT(pixels_of(file), testing::ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(probe_image(as_bytes(file))->mode, "RGBA");
}

TEST(Png, GreyAndGreyAlphaAreRepeated) {
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_GRAY, 8, 2, {7, 9})),
              testing::ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_GRAY_ALPHA, 8, 1, {7, 0})),
              testing::ElementsAre(7, 7, 7));
}

TEST(Png, FewBitsOfGreyAreSpreadOverTheRange) {
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_GRAY, 1, 2, {0x40})),
              testing::ElementsAre(0, 0, 0, 255, 255, 255));
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_GRAY, 2, 1, {0x80})),
              testing::ElementsAre(170, 170, 170));
}

TEST(Png, SixteenBitColourKeepsItsHighByte) {
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_RGB, 16, 1, {1, 255, 2, 255, 3, 255})),
              testing::ElementsAre(1, 2, 3));
}

TEST(Png, SixteenBitGreyIsCutOffAt255AsPillowDoes) {
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_GRAY, 16, 2, {0, 200, 1, 0})),
              testing::ElementsAre(200, 200, 200, 255, 255, 255));
}

TEST(Png, PalettesOfFewBitsAreLookedUp) {
  EXPECT_THAT(pixels_of(one_row_png(PNG_COLOR_TYPE_PALETTE, 1, 2, {0x40})),
              testing::ElementsAre(10, 20, 30, 40, 50, 60));
}

TEST(Png, AMissingTailMakesItTruncated) {
  const auto file = encode_png(random_picture(16, 16, 2));
  for (std::size_t size = 9; size < file->size(); size += 7) {
    const auto decoded = decode_image(file->bytes().first(size));
    ASSERT_FALSE(decoded.has_value()) << size;
    EXPECT_THAT(decoded.error().message(), testing::StartsWith("truncated image"));
  }
}

TEST(Png, AFlippedBitInThePixelsIsDamage) {
  const auto file = encode_png(random_picture(16, 16, 3));
  std::string broken(as_text(file->bytes()));
  broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x10);
  const auto decoded = decode_image(as_bytes(broken));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_THAT(decoded.error().message(), testing::StartsWith("damaged image"));
}

TEST(Png, AMaskMustBeIndexed) {
  const auto file = encode_png(random_picture(4, 4, 4));
  const auto indices = decode_indices(file->bytes());
  ASSERT_FALSE(indices.has_value());
  EXPECT_EQ(indices.error().code(), Errc::Corrupt);
}

}  // namespace
}  // namespace desa2va::preprocess
