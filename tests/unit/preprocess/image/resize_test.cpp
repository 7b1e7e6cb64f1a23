#include "common/preprocess/image/resize.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/preprocess/image/resize_kernels.h"
#include "tests/unit/preprocess/image/pictures.h"

namespace desa2va::preprocess {
namespace {

// A picture whose rows are all this one, grey.
Image from_row(const std::vector<int>& row, int height) {
  Image image = Image::allocate(static_cast<int>(row.size()), height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.mutable_pixels()[i] = static_cast<std::uint8_t>(row[i / 3 % row.size()]);
  return image;
}

std::vector<int> first_row(const Image& image) {
  std::vector<int> row;
  for (int x = 0; x < image.width; ++x)
    row.push_back(image.pixels()[static_cast<std::size_t>(x) * 3]);
  return row;
}

Image transposed(const Image& image) {
  Image out = Image::allocate(image.height, image.width);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c)
        out.mutable_pixels()[static_cast<std::size_t>((x * image.height + y) * 3 + c)] =
            image.pixels()[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
  return out;
}

const std::vector<int> kRow = {0, 50, 100, 150, 200, 250, 30, 60};

// Values from Pillow.
TEST(ResizeBicubic, GivesPillowsValues) {
  const Image image = from_row(kRow, 5);
  EXPECT_EQ(first_row(resize_bicubic(image, 4, 5)), (std::vector<int>{27, 126, 207, 63}));
  EXPECT_EQ(first_row(resize_bicubic(image, 3, 5)), (std::vector<int>{45, 179, 103}));
  EXPECT_EQ(first_row(resize_bicubic(image, 12, 5)),
            (std::vector<int>{0, 21, 58, 92, 125, 158, 192, 242, 226, 55, 33, 62}));
  EXPECT_EQ(
      first_row(resize_bicubic(image, 16, 5)),
      (std::vector<int>{0, 8, 35, 63, 88, 113, 138, 163, 188, 219, 255, 208, 74, 22, 49, 63}));
}

TEST(ResizeBicubic, VerticalIsTheSameAsHorizontal) {
  const Image image = from_row(kRow, 5);
  EXPECT_TRUE(same_pixels(resize_bicubic(transposed(image), 5, 12),
                          transposed(resize_bicubic(image, 12, 5))));
}

TEST(ResizeBicubic, TheSameSizeIsTheSamePicture) {
  const Image image = random_picture(19, 23, 1);
  EXPECT_TRUE(same_pixels(resize_bicubic(image, 19, 23), image));
}

TEST(ResizeBicubic, AColourStaysThatColour) {
  const Image image = from_row({93}, 7);
  EXPECT_THAT(resize_bicubic(image, 31, 2).pixels(), testing::Each(93));
}

TEST(ResizeBicubic, OnePixelFillsAnySize) {
  EXPECT_THAT(resize_bicubic(from_row({200}, 1), 9, 9).pixels(), testing::Each(200));
}

TEST(ResizeBicubic, VectorUnitsGiveTheSameBytesAtAnySize) {
  const ResizeKernels* fast = avx2_resize_kernels();
  if (fast == nullptr) GTEST_SKIP() << "this processor has no AVX2";
  const Random random(5, "test", "sizes");
  for (std::uint64_t i = 0; i < 300; ++i) {
    // Half of the pictures are narrow: their last rows have no others behind them to read.
    const std::uint64_t most = i % 2 == 0 ? 12 : 150;
    const auto side = [&](std::uint64_t k) {
      return static_cast<int>(1 + random.below(4 * i + k, most));
    };
    const Image image = random_picture(side(0), side(1), i);
    const int width = side(2);
    const int height = side(3);
    EXPECT_TRUE(same_pixels(resize_bicubic_with(*fast, image, width, height),
                            resize_bicubic_with(portable_resize_kernels(), image, width, height)))
        << image.width << "x" << image.height << " to " << width << "x" << height;
  }
}

TEST(ResizeBicubic, VectorUnitsTakeExtremeShapes) {
  const ResizeKernels* fast = avx2_resize_kernels();
  if (fast == nullptr) GTEST_SKIP() << "this processor has no AVX2";
  for (const auto& [width, height] : {std::pair{1, 20000}, {20000, 1}, {2, 3000}, {5000, 7}}) {
    const Image image = random_picture(width, height, 9);
    EXPECT_TRUE(same_pixels(resize_bicubic_with(*fast, image, 56, 56),
                            resize_bicubic_with(portable_resize_kernels(), image, 56, 56)));
  }
}

TEST(ResizeNearest, TakesTheCellByFloor) {
  const std::vector<std::uint8_t> in = {1, 2, 3, 4, 5, 6};  // 3 x 2
  EXPECT_EQ(resize_nearest(in, 3, 2, 2, 2), (std::vector<std::uint8_t>{1, 2, 4, 5}));
  EXPECT_EQ(resize_nearest(in, 3, 2, 6, 1), (std::vector<std::uint8_t>{1, 1, 2, 2, 3, 3}));
}

TEST(Crop, TakesThePartNamed) {
  const Image image = random_picture(10, 8, 2);
  const Image part = crop(image, 3, 2, 4, 5);
  EXPECT_EQ(part.pixels()[0], image.pixels()[(2 * 10 + 3) * 3]);
  EXPECT_EQ(part.pixels()[(4 * 4 + 3) * 3 + 2], image.pixels()[(6 * 10 + 6) * 3 + 2]);
}

}  // namespace
}  // namespace desa2va::preprocess
