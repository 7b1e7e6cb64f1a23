// SEED-Bench, Video-MME and the evaluation splits of GCG.
#include <gmock/gmock.h>

#include "tests/unit/datasets/small_tree.h"

namespace desa2va::datasets {
namespace {

class ChoiceSets : public testing::Test {
 protected:
  SmallTree tree_;
  KeepingSink sink_;
};

TEST_F(ChoiceSets, SeedBenchGivesOneSampleAQuestionAboutAPicture) {
  tree_.write("seed_bench/SEED-Bench.json", R"({"questions": [
      {"answer": "B", "choice_a": "One", "choice_b": "Two", "data_id": "p1", "data_type": "image",
       "question": "How many?", "question_id": "7", "question_type_id": 5},
      {"answer": "A", "choice_a": "x", "choice_b": "y", "data_id": "v1", "data_type": "video",
       "question": "What?", "question_id": "8"}], "question_type": {"Counting": 5}})");
  tree_.picture("seed_bench/SEED-Bench-image/p1.jpg", 6, 5);
  ASSERT_TRUE(import_from(tree_, "seed", sink_).has_value());
  ASSERT_EQ(sink_.samples.size(), 1U);
  const Sample& sample = sink_.samples[0];
  EXPECT_EQ(sample.id, "7");
  EXPECT_EQ(sample.kind, SampleKind::ImageQa);
  EXPECT_EQ(sample.status, SampleStatus::Ok);
  EXPECT_THAT(sample.turns[0].question,
              testing::StartsWith("<image>\nHow many?\nA. One\nB. Two\n"));
  EXPECT_EQ(sample.turns[0].answer, "B");
  EXPECT_THAT(sample.source, testing::HasSubstr("Counting"));
}

TEST_F(ChoiceSets, AMissingPictureMakesABrokenQuestion) {
  tree_.write("seed_bench/SEED-Bench.json", R"({"questions": [{"answer": "A", "choice_a": "x",
      "data_id": "p1", "data_type": "image", "question": "?", "question_id": "7"}]})");
  ASSERT_TRUE(import_from(tree_, "seed", sink_).has_value());
  EXPECT_EQ(sink_.samples[0].status, SampleStatus::Broken);
}

TEST_F(ChoiceSets, VideoMmeIsReadFromLines) {
  tree_.write("video_mme/videomme.jsonl",
              R"({"videoID": "abc", "question_id": "1-1", "question": "When?", "duration": "short",
                  "options": ["A. x", "B. y"], "answer": "B"})"
              "\n");
  const auto done = import_from(tree_, "videomme", sink_);
  ASSERT_FALSE(done.has_value());  // a line is a whole value
  tree_.write(
      "video_mme/videomme.jsonl",
      R"({"videoID": "abc", "question_id": "1-1", "question": "When?", "duration": "short", )"
      R"("options": ["A. x", "B. y"], "answer": "B"})"
      "\n");
  ASSERT_TRUE(import_from(tree_, "videomme", sink_).has_value());
  ASSERT_EQ(sink_.samples.size(), 1U);
  EXPECT_EQ(sink_.samples[0].kind, SampleKind::VideoQa);
  EXPECT_EQ(sink_.samples[0].status, SampleStatus::Broken);  // the video is not there
  EXPECT_THAT(sink_.samples[0].reason, testing::HasSubstr("missing file"));
}

TEST_F(ChoiceSets, AnAnswerThatIsNoOptionEndsTheImportWithTheFile) {
  tree_.write("seed_bench/SEED-Bench.json",
              R"([{"question_id": 1, "options": ["x"], "answer": "D"}])");
  const auto done = import_from(tree_, "seed", sink_);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message(), testing::HasSubstr("SEED-Bench.json"));
}

TEST_F(ChoiceSets, GroundedCaptionsOfTheEvaluationComeFromTwoFiles) {
  const std::string folder = "glamm_data/annotations/gcg_val_test/";
  tree_.write(folder + "val_gcg_coco_mask_gt.json",
              R"({"images": [{"id": "a", "height": 5, "width": 6}],
      "annotations": [{"image_id": "a", "id": 1, "segmentation": {"size": [5, 6], "counts": "6230009"}}]})");
  tree_.write(folder + "val_gcg_coco_caption_gt.json", R"({"images": [{"id": "a"}],
      "annotations": [{"image_id": "a", "id": 1, "caption": "A man walks.", "labels": ["A man"]}]})");
  tree_.picture("glamm_data/images/grandf/val_test/a.jpg", 6, 5);
  ASSERT_TRUE(import_from(tree_, "gcg", sink_, {"val"}).has_value());
  ASSERT_EQ(sink_.samples.size(), 1U);
  const Sample& sample = sink_.samples[0];
  EXPECT_EQ(sample.status, SampleStatus::Ok);
  EXPECT_EQ(sample.caption, "A man walks.");
  EXPECT_THAT(sample.expressions[0].texts, testing::ElementsAre("A man"));
  EXPECT_EQ(sample.expressions[0].masks[0].counts, "6230009");
}

}  // namespace
}  // namespace desa2va::datasets
