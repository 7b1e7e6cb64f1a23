#include <gtest/gtest.h>

#include <array>

#include "common/base/random.h"
#include "common/preprocess/masks/rle.h"
#include "services/data/assemble.h"
#include "services/data/planes.h"

namespace desa2va::data {
namespace {

TEST(Planes, HoldEveryPixelOnceForAnySize) {
  const Random random(2, "test", "planes");
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {31, 33}, {64, 2}, {100, 101}}) {
    auto image = preprocess::Image::allocate(width, height);
    std::uint64_t i = 0;
    for (auto& value : image.mutable_pixels()) value = static_cast<std::uint8_t>(random.word(i++));
    std::vector<std::uint8_t> out(image.pixels().size());
    to_planes(image, out.data());
    const auto area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    for (std::size_t p = 0; p < area; ++p) {
      for (std::size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(out[c * area + p], image.pixels()[3 * p + c]) << width << " x " << height;
      }
    }
  }
}

// Against the masks unpacked: other sizes than the first one's are cut or filled up with nothing.
TEST(PackMasks, AreTheMasksBitByBit) {
  const Random random(4, "test", "masks");
  std::uint64_t draw = 0;
  for (int round = 0; round < 60; ++round) {
    datasets::Sample sample;
    std::vector<preprocess::Mask> masks;
    for (std::uint32_t object = 0; object < 2; ++object) {
      datasets::Expression expression;
      for (std::uint32_t frame = 0; frame < 2; ++frame) {
        const bool same = random.below(draw++, 3) > 0 && !masks.empty();
        const int width = same ? masks[0].width : 1 + static_cast<int>(random.below(draw++, 40));
        const int height = same ? masks[0].height : 1 + static_cast<int>(random.below(draw++, 40));
        auto mask = preprocess::Mask::zeros(width, height);
        const std::uint32_t density = random.below(draw++, 5);
        for (auto& pixel : mask.pixels) pixel = random.below(draw++, 4) < density ? 1 : 0;
        masks.push_back(mask);
        expression.masks.push_back(datasets::coded(preprocess::encode_rle(mask)));
      }
      sample.expressions.push_back(std::move(expression));
    }
    const std::array<std::uint32_t, 2> both = {0, 1};
    const auto packed = pack_masks(sample, both, both);
    ASSERT_TRUE(packed) << packed.error().message();
    const auto width = static_cast<int>(packed->width);
    const auto height = static_cast<int>(packed->height);
    const auto row_bytes = static_cast<std::size_t>((width + 7) / 8);
    const auto bits = packed->bits.values<std::uint8_t>();
    for (std::size_t m = 0; m < masks.size(); ++m) {
      const auto expected = preprocess::place_top_left(masks[m], width, height);
      for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
        for (std::size_t x = 0; x < 8 * row_bytes; ++x) {
          const auto byte = bits[(m * static_cast<std::size_t>(height) + y) * row_bytes + x / 8];
          const int want = x < static_cast<std::size_t>(width)
                               ? expected.pixels[y * static_cast<std::size_t>(width) + x]
                               : 0;
          ASSERT_EQ(byte >> (x % 8) & 1, want) << round << ": mask " << m;
        }
      }
    }
  }
}

}  // namespace
}  // namespace desa2va::data
