#include "common/preprocess/masks/rle.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"

namespace desa2va::preprocess {
namespace {

Mask random_mask(int width, int height, std::uint32_t seed) {
  const Random random(seed, "test", "mask");
  Mask mask = Mask::zeros(width, height);
  // Blocks, so that runs have lengths worth coding.
  for (std::size_t i = 0; i < mask.pixels.size(); ++i)
    mask.pixels[i] = random.below(i / 7, 3) == 0 ? 1 : 0;
  return mask;
}

std::vector<std::uint32_t> runs_of(int height, int width, std::string_view counts) {
  const auto rle = rle_from_string(height, width, counts);
  return rle ? rle->runs : std::vector<std::uint32_t>{};
}

// Values from pycocotools.
TEST(RleString, GivesTheRunsOfCoco) {
  EXPECT_THAT(runs_of(5, 6, "6230009"), testing::ElementsAre(6, 2, 3, 2, 3, 2, 12));
  EXPECT_THAT(runs_of(5, 6, "041O1O1O;"), testing::ElementsAre(0, 4, 1, 3, 2, 2, 3, 1, 14));
  EXPECT_THAT(runs_of(9, 10, "61X13mN000`0"), testing::ElementsAre(6, 1, 40, 4, 5, 4, 5, 4, 21));
  EXPECT_THAT(runs_of(13, 31, "T35j22^3J"), testing::ElementsAre(100, 5, 90, 7, 200, 1));
  EXPECT_THAT(runs_of(3, 4, "<"), testing::ElementsAre(12));
  EXPECT_THAT(runs_of(3, 4, "0<"), testing::ElementsAre(0, 12));
}

TEST(RleString, IsWrittenAsItIsRead) {
  for (const char* text : {"6230009", "041O1O1O;"})
    EXPECT_EQ(rle_to_string(*rle_from_string(5, 6, text)), text);
  EXPECT_EQ(rle_to_string(*rle_from_string(13, 31, "T35j22^3J")), "T35j22^3J");
}

TEST(RleString, RunsThatDoNotFillThePictureAreCorrupt) {
  EXPECT_EQ(rle_from_string(5, 7, "6230009").error().code(), Errc::Corrupt);
  EXPECT_EQ(rle_from_string(5, 5, "6230009").error().code(), Errc::Corrupt);
}

TEST(RleString, TextThatEndsWithinARunIsCorrupt) {
  EXPECT_EQ(rle_from_string(13, 31, "T").error().code(), Errc::Corrupt);
}

TEST(RleString, ForeignCharactersAreCorrupt) {
  EXPECT_EQ(rle_from_string(3, 4, "\x01").error().code(), Errc::Corrupt);
  EXPECT_EQ(rle_from_string(3, 4, "\xff").error().code(), Errc::Corrupt);
}

TEST(RleString, EndlessGroupsAreCorrupt) {
  EXPECT_EQ(rle_from_string(3, 4, std::string(1000, 'o')).error().code(), Errc::Corrupt);
}

TEST(RleString, RandomTextNeverDoesHarm) {
  const Random random(7, "test", "text");
  for (std::uint32_t round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint32_t i = 0; i < 12; ++i)
      text.push_back(static_cast<char>(48 + random.below(round * 12 + i, 64)));
    if (const auto rle = rle_from_string(9, 11, text)) {
      EXPECT_EQ(decode_rle(*rle).pixels.size(), 99U);
    }
  }
}

TEST(Rle, DecodingAnEncodedMaskGivesItBack) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    const Mask mask =
        random_mask(1 + static_cast<int>(seed % 13), 1 + static_cast<int>(seed % 7), seed);
    const Rle rle = encode_rle(mask);
    EXPECT_EQ(decode_rle(rle).pixels, mask.pixels);
    EXPECT_EQ(area(rle), mask.area());
    EXPECT_EQ(*rle_from_string(rle.height, rle.width, rle_to_string(rle)), rle);
  }
}

TEST(Rle, UnionAndIntersectionAreThoseOfThePixels) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    const Mask a = random_mask(11, 6, seed);
    const Mask b = random_mask(11, 6, seed + 1000);
    Mask either = a;
    Mask both = a;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
      either.pixels[i] = a.pixels[i] | b.pixels[i];
      both.pixels[i] = a.pixels[i] & b.pixels[i];
    }
    const std::array<Rle, 2> masks = {encode_rle(a), encode_rle(b)};
    EXPECT_EQ(*unite(masks), encode_rle(either));
    EXPECT_EQ(*intersect(masks), encode_rle(both));
    const double expected =
        either.area() == 0 ? 0
                           : static_cast<double>(both.area()) / static_cast<double>(either.area());
    EXPECT_DOUBLE_EQ(*mask_iou(masks[0], masks[1]), expected);
  }
}

TEST(Rle, EmptyRunsInsideAreJoined) {
  const std::array<std::int64_t, 5> runs = {2, 0, 3, 4, 3};
  const auto rle = rle_from_runs(3, 4, runs);
  ASSERT_TRUE(rle.has_value());
  const std::array<Rle, 1> one = {*rle};
  EXPECT_THAT(unite(one)->runs, testing::ElementsAre(5, 4, 3));
}

TEST(Rle, MasksOfDifferentSizesCannotBeJoined) {
  const std::array<Rle, 2> masks = {empty_rle(3, 4), empty_rle(4, 3)};
  EXPECT_EQ(unite(masks).error().code(), Errc::InvalidArgument);
}

TEST(Rle, TheBoxHoldsAllPixels) {
  Mask mask = Mask::zeros(9, 7);
  mask.pixels[2 * 9 + 3] = 1;
  mask.pixels[5 * 9 + 6] = 1;
  EXPECT_THAT(bounding_box(encode_rle(mask)), testing::ElementsAre(3, 2, 4, 4));
  EXPECT_THAT(bounding_box(empty_rle(7, 9)), testing::Each(0));
}

TEST(PlaceTopLeft, FillsWithZerosAndCutsWhatReachesOver) {
  Mask mask = Mask::zeros(2, 2);
  mask.pixels = {1, 1, 1, 1};
  EXPECT_EQ(place_top_left(mask, 3, 1).pixels, (std::vector<std::uint8_t>{1, 1, 0}));
  EXPECT_EQ(place_top_left(mask, 1, 3).pixels, (std::vector<std::uint8_t>{1, 1, 0}));
}

}  // namespace
}  // namespace desa2va::preprocess
