#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/datasets/sample.h"

namespace desa2va::datasets {
namespace {

Sample full_sample() {
  Sample sample;
  sample.dataset = "mevis";
  sample.split = "train";
  sample.id = "a1f3";
  sample.kind = SampleKind::VideoRef;
  sample.media = {{{1, 2}, MediaKind::Image, "JPEGImages/a1f3/00000.jpg", 854, 480, 77, 1},
                  {{3, 4}, MediaKind::Video, "v.mp4", 320, 180, 0, 60}};
  sample.frames = {0, 4, 8};
  Expression expression;
  expression.id = "0";
  expression.texts = {"the two men", "\xc3\xa9t\xc3\xa9"};
  expression.short_texts = {"men"};
  expression.verbatim = true;
  expression.span = {{3, 9}};
  expression.masks = {{480, 854, "6230009"}, {480, 854, ""}};
  expression.source = R"({"anno_id":[1]})";
  sample.expressions = {expression, Expression{}};
  sample.foreground = {{2, 3, "6"}};
  sample.caption = "A dog.";
  sample.turns = {{"<image>\nWhat?", "This."}};
  sample.warn("a mask was moved");
  sample.source = R"({"index":3})";
  return sample;
}

bool same_bytes(const Buffer& a, const Buffer& b) {
  return as_text(a.bytes()) == as_text(b.bytes());
}

TEST(SampleCodec, GivesEveryFieldBack) {
  const Sample in = full_sample();
  const auto out = decode_sample(encode_sample(in).bytes());
  ASSERT_TRUE(out.has_value()) << out.error().message();
  EXPECT_EQ(out->dataset, in.dataset);
  EXPECT_EQ(out->split, in.split);
  EXPECT_EQ(out->id, in.id);
  EXPECT_EQ(out->kind, in.kind);
  EXPECT_EQ(out->status, SampleStatus::Warned);
  EXPECT_EQ(out->reason, in.reason);
  EXPECT_EQ(out->frames, in.frames);
  EXPECT_EQ(out->caption, in.caption);
  EXPECT_EQ(out->source, in.source);
  ASSERT_EQ(out->media.size(), 2U);
  EXPECT_EQ(out->media[0].hash, in.media[0].hash);
  EXPECT_EQ(out->media[0].rgb_crc32, 77U);
  EXPECT_EQ(out->media[1].kind, MediaKind::Video);
  EXPECT_EQ(out->media[1].path, "v.mp4");
  EXPECT_EQ(out->media[1].frames, 60U);
  ASSERT_EQ(out->expressions.size(), 2U);
  const Expression& expression = out->expressions[0];
  EXPECT_EQ(expression.texts, in.expressions[0].texts);
  EXPECT_EQ(expression.short_texts, in.expressions[0].short_texts);
  EXPECT_TRUE(expression.verbatim);
  EXPECT_EQ(expression.span, in.expressions[0].span);
  EXPECT_EQ(expression.masks[0].counts, "6230009");
  EXPECT_EQ(expression.masks[0].width, 854);
  EXPECT_EQ(expression.source, in.expressions[0].source);
  EXPECT_FALSE(out->expressions[1].span.has_value());
  EXPECT_EQ(out->foreground[0].counts, "6");
  EXPECT_EQ(out->turns[0].question, in.turns[0].question);
  EXPECT_EQ(out->turns[0].answer, in.turns[0].answer);
}

TEST(SampleCodec, EqualSamplesAreEqualBytes) {
  const Buffer bytes = encode_sample(full_sample());
  EXPECT_TRUE(same_bytes(bytes, encode_sample(full_sample())));
  EXPECT_TRUE(same_bytes(bytes, encode_sample(*decode_sample(bytes.bytes()))));
}

TEST(SampleCodec, AnEmptySampleIsASample) {
  EXPECT_TRUE(decode_sample(encode_sample(Sample{}).bytes()).has_value());
}

TEST(SampleCodec, BytesAtAnyAddressAreRead) {
  const Buffer bytes = encode_sample(full_sample());
  std::string shifted = "x" + std::string(as_text(bytes.bytes()));
  EXPECT_TRUE(decode_sample(as_bytes(std::string_view(shifted).substr(1))).has_value());
}

TEST(SampleCodec, EveryPrefixIsCorrupt) {
  const Buffer bytes = encode_sample(full_sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto sample = decode_sample(bytes.bytes().first(size));
    ASSERT_FALSE(sample.has_value()) << size;
    EXPECT_EQ(sample.error().code(), Errc::Corrupt);
  }
}

TEST(SampleCodec, FlippedBitsNeverDoHarm) {
  const Buffer good = encode_sample(full_sample());
  const Random random(1, "test", "flips");
  for (std::uint32_t round = 0; round < 3000; ++round) {
    std::string bytes(as_text(good.bytes()));
    const auto bit = random.below(round, static_cast<std::uint32_t>(bytes.size() * 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto sample = decode_sample(as_bytes(bytes));
    if (!sample) {
      EXPECT_EQ(sample.error().code(), Errc::Corrupt);
    }
  }
}

// A record that a fuzzer found: 80 bytes that lead to the same words over and over.
TEST(SampleCodec, ARecordThatRepeatsItselfWithoutEndIsCorrupt) {
  const char* source = std::getenv("DESA2VA_SOURCE_DIR");
  std::ifstream in(std::string(source != nullptr ? source : ".") +
                       "/tests/fuzz/corpus/shard_records/same_words_many_times",
                   std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  ASSERT_EQ(bytes.size(), 81U);
  const auto sample = decode_sample(as_bytes(bytes).subspan(1));
  ASSERT_FALSE(sample);
  EXPECT_EQ(sample.error().code(), Errc::Corrupt);
}

TEST(Sample, WhatBrokeItIsNamedFirst) {
  Sample sample;
  sample.warn("moved");
  sample.mark_broken("missing file");
  sample.warn("cut");
  EXPECT_EQ(sample.status, SampleStatus::Broken);
  EXPECT_EQ(sample.reason, "missing file; cut");
}

TEST(Sample, DrawableFramesAreTheListedOnesOrAll) {
  Sample sample;
  EXPECT_EQ(sample.drawable_frames(), 0U);
  sample.media.resize(3);
  EXPECT_EQ(sample.drawable_frames(), 3U);
  sample.media.resize(1);
  sample.media[0].frames = 60;
  EXPECT_EQ(sample.drawable_frames(), 60U);
  sample.frames = {0, 4};
  EXPECT_EQ(sample.drawable_frames(), 2U);
}

}  // namespace
}  // namespace desa2va::datasets
