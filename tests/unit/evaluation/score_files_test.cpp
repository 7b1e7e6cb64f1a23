#include <gtest/gtest.h>

#include <fstream>

#include "common/evaluation/files/report.h"
#include "common/preprocess/image/encode.h"
#include "tests/support/temp_dir.h"

namespace desa2va::evaluation {
namespace {

namespace fs = std::filesystem;
using preprocess::IndexedImage;

class ScoreFiles : public ::testing::Test {
 protected:
  void text(const std::string& name, const std::string& content) const {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << content;
  }
  void png(const std::string& name, std::vector<std::uint8_t> row) const {
    fs::create_directories((dir_ / name).parent_path());
    const IndexedImage image{static_cast<int>(row.size()), 1, std::move(row)};
    const auto bytes = preprocess::encode_png(image);
    ASSERT_TRUE(bytes.has_value());
    std::ofstream(dir_ / name, std::ios::binary) << as_text(bytes->bytes());
  }
  ScoreRequest request(const std::string& predictions, const std::string& truth) const {
    ScoreRequest out;
    out.predictions = dir_ / predictions;
    out.truth = dir_ / truth;
    out.threads = 2;
    return out;
  }
  static std::string reason(const Result<ScoreReport>& result, Errc code) {
    EXPECT_FALSE(result.has_value());
    if (result) return "";
    EXPECT_EQ(result.error().code(), code) << result.error().message();
    return result.error().message();
  }

  test::TempDir dir_;
};

TEST_F(ScoreFiles, JfMatchesSequencesFramesAndObjectsByName) {
  png("truth/goat/00000.png", {0, 2, 2});
  png("truth/goat/00001.png", {0, 2, 0});
  png("truth/cow/00007.png", {1, 1, 0});
  png("predictions/goat/00000.png", {0, 2, 0});
  png("predictions/goat/00001.png", {0, 2, 0});
  png("predictions/cow/00007.png", {1, 1, 0});
  const auto report = score_jf(request("predictions", "truth"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  const auto& goat = report->document["sequences"]["goat"];
  EXPECT_EQ(goat["objects"], nlohmann::json({2}));
  EXPECT_EQ(goat["J"], nlohmann::json({{0.5, 1.0}}));
  EXPECT_DOUBLE_EQ(report->document["J_mean"].get<double>(), 0.875);
  EXPECT_TRUE(report->warnings.empty());
}

TEST_F(ScoreFiles, JfCountsWhatIsMissingAsEmptyAndSaysSo) {
  png("truth/goat/00000.png", {0, 1, 2});
  png("truth/goat/00001.png", {0, 1, 2});
  png("truth/cow/00000.png", {1, 1, 0});
  png("predictions/goat/00000.png", {0, 1, 3});
  const auto report = score_jf(request("predictions", "truth"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  const auto& goat = report->document["sequences"]["goat"];
  EXPECT_EQ(goat["J"], nlohmann::json({{1.0, 0.0}, {0.0, 0.0}}));
  EXPECT_EQ(report->document["sequences"]["cow"]["J"], nlohmann::json({{0.0}}));
  EXPECT_EQ(report->warnings.size(), 4U);  // a sequence, a frame, an object, an object too many
}

TEST_F(ScoreFiles, JfRefusesOtherSizesAndNamesBothFiles) {
  png("truth/goat/00000.png", {0, 1, 2});
  png("predictions/goat/00000.png", {0, 1});
  const auto why = reason(score_jf(request("predictions", "truth")), Errc::Corrupt);
  EXPECT_NE(why.find("predictions/goat/00000.png"), std::string::npos);
  EXPECT_NE(why.find("truth/goat/00000.png"), std::string::npos);
  EXPECT_NE(why.find("2x1"), std::string::npos);
}

TEST_F(ScoreFiles, JfRefusesPicturesThatAreNotIndexed) {
  png("truth/goat/00000.png", {0, 1});
  fs::create_directories(dir_ / "predictions/goat");
  const auto bytes = preprocess::encode_png(preprocess::Image::allocate(2, 1));
  std::ofstream(dir_ / "predictions/goat/00000.png", std::ios::binary) << as_text(bytes->bytes());
  const auto why = reason(score_jf(request("predictions", "truth")), Errc::Corrupt);
  EXPECT_NE(why.find("RGB"), std::string::npos);
}

TEST_F(ScoreFiles, JfWantsFoldersThatAreThereAndHaveSomethingInCommon) {
  png("truth/goat/00000.png", {0, 1});
  png("other/cow/00000.png", {0, 1});
  fs::create_directories(dir_ / "empty");
  reason(score_jf(request("nowhere", "truth")), Errc::NotFound);
  reason(score_jf(request("empty", "truth")), Errc::NotFound);
  reason(score_jf(request("truth", "empty")), Errc::NotFound);
  reason(score_jf(request("other", "truth")), Errc::NotFound);
}

TEST_F(ScoreFiles, JfFollowsLinksToFolders) {
  png("data/goat/00000.png", {0, 1});
  fs::create_directories(dir_ / "truth");
  fs::create_directory_symlink(dir_ / "data/goat", dir_ / "truth/goat");
  fs::create_directory_symlink(dir_ / "truth", dir_ / "truth/loop");
  const auto report = score_jf(request("data", "truth"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["sequences"]["goat"]["J_mean"], 1.0);
}

TEST_F(ScoreFiles, JfReadsMasksOfExpressions) {
  const std::string mask = R"({"size": [1, 4], "counts": [1, 2, 1]})";
  text("truth.json", R"({"v": {"0": {"masks": [)" + mask + ", null]}, \"1\": [null, null]}}");
  text("results.json",
       R"({"v": {"0": {"prediction_masks": [{"size": [1, 4], "counts": "112"}, null]},
      "1": {"prediction_masks": [null, )" +
           mask + "]}}}");
  const auto report = score_jf(request("results.json", "truth.json"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["sequences"]["v/0"]["J"], nlohmann::json({{0.5, 1.0}}));
  EXPECT_EQ(report->document["sequences"]["v/1"]["J"], nlohmann::json({{1.0, 0.0}}));
}

TEST_F(ScoreFiles, JfReadsTheTruthOfMevis) {
  text("truth/meta_expressions.json", R"({"videos": {"v": {"frames": ["0", "1"],
      "expressions": {"0": {"exp": "x", "anno_id": [3, 4]}}}}})");
  text("truth/mask_dict.json", R"({"3": [{"size": [1, 4], "counts": [0, 1, 3]}, null],
      "4": [{"size": [1, 4], "counts": [1, 1, 2]}, {"size": [1, 4], "counts": [1, 1, 2]}]})");
  text("results.json", R"({"v": {"0": {"prediction_masks": [{"size": [1, 4], "counts": [0, 2, 2]},
      {"size": [1, 4], "counts": [1, 1, 2]}]}}})");
  const auto report = score_jf(request("results.json", "truth"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["J_mean"], 1.0);
}

TEST_F(ScoreFiles, BrokenJsonAndMasksNameTheFileAndThePlace) {
  text("truth.json", R"({"v": {"0": {"masks": [{"size": [1, 4], "counts": [1, 2, 1]}]}}})");
  text("cut.json", R"({"v": {"0": )");
  text("long.json", R"({"v": {"0": {"masks": [{"size": [1, 4], "counts": [1, 9]}]}}})");
  text("text.json", R"({"v": {"0": "no masks"}})");
  text("size.json", R"({"v": {"0": {"masks": [{"size": [4], "counts": "0"}]}}})");
  for (const std::string name : {"cut.json", "long.json", "text.json", "size.json"}) {
    const auto why = reason(score_jf(request(name, "truth.json")), Errc::Corrupt);
    EXPECT_NE(why.find(name), std::string::npos) << why;
  }
}

TEST_F(ScoreFiles, CiouTakesNullAsUnanswered) {
  text("truth.json", R"([{"id": 1, "mask": {"size": [1, 4], "counts": [0, 2, 2]}},
      {"id": 2, "mask": {"size": [1, 4], "counts": [2, 2]}}])");
  text("predictions.jsonl",
       "{\"id\": \"1\", \"mask\": {\"size\": [1, 4], \"counts\": [0, 1, 3]}}\n"
       "{\"id\": \"2\", \"mask\": null}\n");
  const auto report = score_ciou(request("predictions.jsonl", "truth.json"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["answered"], 1);
  EXPECT_NEAR(report->document["cIoU"]["count_missing_false"].get<double>(), 0.5, 1e-9);
  EXPECT_NEAR(report->document["cIoU"]["count_missing_true"].get<double>(), 0.25, 1e-9);
}

TEST_F(ScoreFiles, CiouRefusesWhatItCannotMatch) {
  text("truth.json", R"([{"id": 1, "mask": {"size": [1, 4], "counts": [0, 2, 2]}}])");
  text("other.json", R"([{"id": 5, "mask": null}])");
  text("twice.json", R"([{"id": 1, "mask": null}, {"id": 1, "mask": null}])");
  text("size.json", R"([{"id": 1, "mask": {"size": [4, 1], "counts": [4]}}])");
  reason(score_ciou(request("other.json", "truth.json")), Errc::NotFound);
  reason(score_ciou(request("twice.json", "truth.json")), Errc::Corrupt);
  EXPECT_NE(reason(score_ciou(request("size.json", "truth.json")), Errc::Corrupt).find("1x4"),
            std::string::npos);
}

TEST_F(ScoreFiles, GcgReadsRawAnswersAndCocoTruth) {
  text("truth/val_gcg_coco_mask_gt.json", R"({"images": [{"id": "a", "height": 1, "width": 4}],
      "annotations": [{"id": 1, "image_id": "a", "category_id": 1,
                       "segmentation": {"size": [1, 4], "counts": [0, 2, 2]}}]})");
  text("truth/val_gcg_coco_caption_gt.json", R"({"images": [{"id": "a"}],
      "annotations": [{"id": 1, "image_id": "a", "caption": "A man walks.", "labels": ["A man"]}]})");
  text("predictions/a.json", R"({"image_id": "a", "text": "<p> A man </p> [SEG] walks.",
      "pred_masks": [{"size": [1, 4], "counts": [0, 2, 2]}]})");
  const auto report = score_gcg(request("predictions", "truth"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_NEAR(report->document["AP50"].get<double>(), 1, 1e-9);
  EXPECT_EQ(report->document["recall"], 1.0);
  EXPECT_EQ(report->document["text_similarity"], "words");
  EXPECT_NEAR(report->document["captions"]["METEOR-es"].get<double>(), 1, 1e-9);
}

TEST_F(ScoreFiles, GcgTakesSimilaritiesFromAFile) {
  text("truth.json", R"([{"image_id": "a", "masks": [{"size": [1, 4], "counts": [0, 2, 2]}],
                          "phrases": ["a man"]}])");
  text("predictions.json", R"([{"image_id": "a", "phrases": ["person"],
                                "pred_masks": [{"size": [1, 4], "counts": [0, 2, 2]}]}])");
  text("similar.json", R"({"a man|person": 0.9})");
  text("none.json", "{}");
  auto asked = request("predictions.json", "truth.json");
  asked.similarity = dir_ / "similar.json";
  const auto report = score_gcg(asked);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["recall"], 1.0);
  asked.similarity = dir_ / "none.json";
  EXPECT_NE(reason(score_gcg(asked), Errc::Corrupt).find("a man|person"), std::string::npos);
}

TEST_F(ScoreFiles, ChoiceCountsByGroupAndMissingAnswersAsWrong) {
  text("truth.json", R"({"questions": [
      {"question_id": "1", "answer": "B", "choice_a": "x", "choice_b": "y", "question_type_id": 1},
      {"question_id": "2", "answer": "A", "choice_a": "x", "choice_b": "y", "question_type_id": 1},
      {"question_id": "3", "answer": "A", "choice_a": "x", "choice_b": "y", "data_type": "video"}],
      "question_type": {"Scene Understanding": 1}})");
  text("predictions.json", R"({"1": "The answer is B."})");
  const auto report = score_choice(request("predictions.json", "truth.json"));
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->document["questions"], 2);
  EXPECT_EQ(report->document["accuracy"], 0.5);
  EXPECT_EQ(report->document["by"]["question_type"]["Scene Understanding"]["correct"], 1);
  EXPECT_EQ(report->warnings.size(), 2U);
}

}  // namespace
}  // namespace desa2va::evaluation
