#include "common/evaluation/sets/predictions.h"

#include <gmock/gmock.h>

namespace desa2va::evaluation {
namespace {

using datasets::Sample;
using nlohmann::json;
using preprocess::Rle;

// The pixels [from, to) of a row of four.
Rle span(std::uint32_t from, std::uint32_t to) {
  return Rle{4, 1, {from, to - from, 4 - to}};
}

Sample video_of(std::size_t frames) {
  Sample sample;
  sample.dataset = "mevis";
  sample.split = "valid";
  sample.id = "v";
  sample.kind = datasets::SampleKind::VideoRef;
  for (std::size_t i = 0; i < frames; ++i)
    sample.media.push_back(
        {{}, datasets::MediaKind::Image, "v/0000" + std::to_string(i) + ".jpg", 4, 1, 0, 1});
  return sample;
}

TEST(Predictions, OfVideosHaveAMaskAFrameEvenWithoutAnAnswer) {
  const auto& set = **find_set("mevis");
  const Sample sample = video_of(2);
  const Query query{"mevis/valid/v/3", "", 0, 1};
  const Record none = prediction_of(set, sample, query, {"", {{"fused", {}}}}, "fused");
  EXPECT_EQ(none["video"], "v");
  EXPECT_EQ(none["expression"], "3");
  EXPECT_EQ(none["prediction_masks"].size(), 2U);
  EXPECT_EQ(none["prediction_masks"][1]["size"], json({1, 4}));
  EXPECT_THAT(frame_names(sample), testing::ElementsAre("00000", "00001"));
}

TEST(Predictions, OfOneVideoFileHaveNumberedFrames) {
  Sample sample = video_of(1);
  sample.media[0].kind = datasets::MediaKind::Video;
  sample.media[0].frames = 12;
  sample.frames = {0, 4, 8};
  EXPECT_THAT(frame_names(sample), testing::ElementsAre("00000", "00001", "00002"));
  EXPECT_EQ(video_masks(sample, {}, "fused").size(), 3U);
}

TEST(Predictions, OfPicturesSayWhereTheModelGaveNoMask) {
  const auto& set = **find_set("refcoco");
  const Query query{"refcoco/val/1/2/0", "", 0, 1};
  EXPECT_TRUE(prediction_of(set, {}, query, {"No.", {{"fused", {}}}}, "fused")["mask"].is_null());
  const Record given = prediction_of(set, {}, query, {"", {{"fused", {{span(0, 2)}}}}}, "fused");
  EXPECT_EQ(given["mask"]["size"], json({1, 4}));
  EXPECT_EQ(given["id"], query.id);
}

TEST(Predictions, OfCaptionsHoldWhatTheAnswerSays) {
  const auto& set = **find_set("gcg");
  Sample sample;
  sample.id = "sa_1";
  const Record made = prediction_of(
      set, sample, {}, {"<p> A man </p> [SEG] walks.", {{"fused", {{span(0, 2)}}}}}, "fused");
  EXPECT_EQ(made["image_id"], "sa_1");
  EXPECT_EQ(made["phrases"], json({"A man"}));
  EXPECT_EQ(made["pred_masks"].size(), 1U);
}

TEST(Predictions, AreOneDocumentWhateverTheOrder) {
  const auto& videos = **find_set("mevis");
  const std::vector<Record> lines = {
      {{"video", "b"}, {"expression", "0"}, {"prediction_masks", {1}}},
      {{"video", "a"}, {"expression", "1"}, {"prediction_masks", {2}}},
      {{"video", "a"}, {"expression", "0"}, {"prediction_masks", {3}}},
      {{"video", "b"}, {"expression", "0"}, {"prediction_masks", {4}}},  // asked again after a kill
      {{"other", 1}}};
  EXPECT_EQ(results_document(videos, lines),
            json::parse(R"({"a": {"0": {"prediction_masks": [3]}, "1": {"prediction_masks": [2]}},
                            "b": {"0": {"prediction_masks": [4]}}})"));
  const auto& questions = **find_set("seed");
  EXPECT_EQ(results_document(questions, {{{"question_id", "2"}, {"prediction", "B"}},
                                         {{"question_id", "1"}, {"prediction", "A"}}}),
            json::parse(R"([{"question_id": "1", "prediction": "A"},
                            {"question_id": "2", "prediction": "B"}])"));
}

}  // namespace
}  // namespace desa2va::evaluation
