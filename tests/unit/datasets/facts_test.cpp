#include "common/datasets/facts.h"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/checksum.h"
#include "common/datasets/video_facts.h"
#include "common/preprocess/video/encode.h"

namespace desa2va::datasets {
namespace {

Sample image_sample() {
  Sample sample;
  sample.dataset = "refcoco";
  sample.split = "train";
  sample.id = "5";
  sample.kind = SampleKind::ImageRef;
  sample.media = {MediaRef{{1, 2}, MediaKind::Image, "a.jpg", 6, 5, 77, 1}};
  sample.source = R"({"image_id": 5})";
  Expression expression;
  expression.texts = {"dog"};
  expression.masks = {{5, 6, "6230009"}};
  expression.source = R"({"ann_id": 91})";
  sample.expressions = {expression};
  return sample;
}

TEST(Facts, GiveMasksAsAreaAndChecksumOfTheirPixels) {
  const auto facts = facts_of(image_sample());
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ((*facts)["key"], "5");
  EXPECT_EQ((*facts)["status"], "ok");
  EXPECT_EQ((*facts)["image_id"], 5);
  const auto& object = (*facts)["objects"][0];
  EXPECT_EQ(object["ann_id"], 91);
  EXPECT_EQ(object["mask"]["area"], 6);
  const auto pixels = preprocess::decode_rle(*preprocess::rle_from_string(5, 6, "6230009")).pixels;
  EXPECT_EQ(object["mask"]["crc32"], crc32(std::as_bytes(std::span(pixels))));
}

TEST(Facts, AMaskThatIsNoneIsCorrupt) {
  Sample sample = image_sample();
  sample.expressions[0].masks[0].counts = "6";
  EXPECT_EQ(facts_of(sample).error().code(), Errc::Corrupt);
}

TEST(VideoFacts, NameEveryFrame) {
  std::vector<preprocess::Image> frames;
  for (int i = 0; i < 5; ++i) {
    frames.push_back(preprocess::Image::allocate(32, 16));
    std::fill_n(frames.back().mutable_pixels().begin(), frames.back().rgb.size(),
                static_cast<std::uint8_t>(40 * i));
  }
  const auto facts = video_facts(*preprocess::encode_mp4(frames));
  EXPECT_EQ(facts["opens"], true);
  EXPECT_EQ(facts["frames"], 5);
  EXPECT_EQ(facts["pts"].size(), 5U);
  EXPECT_EQ(facts["crc32_yuv420p"].size(), 5U);
  EXPECT_EQ(facts["keyframes"][0], 0);
  EXPECT_FALSE(facts.contains("damaged_frames"));
}

TEST(VideoFacts, WhatIsNoVideoSaysSo) {
  const auto facts = video_facts(Buffer::copy_of(as_bytes("no video")));
  EXPECT_EQ(facts["opens"], false);
  EXPECT_EQ(facts["bytes"], 8);
  EXPECT_TRUE(facts.contains("error"));
}

}  // namespace
}  // namespace desa2va::datasets
