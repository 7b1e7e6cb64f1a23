#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/preprocess/masks/polygon.h"
#include "common/synth/render.h"

namespace desa2va::synth {
namespace {

using preprocess::Mask;

void expect_same(const Mask& mask) {
  const auto rle = preprocess::rasterize_polygon(outline(mask), mask.height, mask.width);
  ASSERT_TRUE(rle) << rle.error().message();
  ASSERT_EQ(preprocess::decode_rle(*rle).pixels, mask.pixels);
}

TEST(Outline, EveryMaskOfAScenesObjectsComesBackFromItsPolygon) {
  const SynthRecipe recipe;
  for (int number = 0; number < 60; ++number) {
    const Scene scene = make_scene(recipe, "outline/" + std::to_string(number), 1);
    for (const Mask& mask : masks(recipe, scene, 0)) expect_same(mask);
  }
}

TEST(Outline, HolesPartsAndDiagonalNeighboursComeBackToo) {
  const Random random(3, "test", "outline");
  for (std::uint64_t round = 0; round < 50; ++round) {
    Mask mask = Mask::zeros(9, 7);
    for (std::size_t p = 0; p < mask.pixels.size(); ++p) {
      mask.pixels[p] = random.below(100 * round + p, 2) != 0 ? 1 : 0;
    }
    mask.pixels[0] = 1;
    expect_same(mask);
  }
}

TEST(Outline, AnEmptyMaskHasNone) {
  EXPECT_TRUE(outline(Mask::zeros(4, 4)).empty());
}

}  // namespace
}  // namespace desa2va::synth
