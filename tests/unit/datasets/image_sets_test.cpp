// RefCOCO and LLaVA.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/datasets/small_tree.h"

namespace desa2va::datasets {
namespace {

// One ref as protocol 0 writes it.
std::string ref(int id, int annotation, int image, const std::string& split,
                const std::vector<std::string>& sentences) {
  std::string text = "(dVref_id\nI" + std::to_string(id) + "\nsVann_id\nI" +
                     std::to_string(annotation) + "\nsVimage_id\nI" + std::to_string(image) +
                     "\nsVcategory_id\nI1\nsVsplit\nV" + split + "\nsVsentences\n(l";
  for (const std::string& sentence : sentences) text += "(dVraw\nV" + sentence + "\nsa";
  return text + "s";
}

std::string refs_file(const std::vector<std::string>& refs) {
  std::string text = "(l";
  for (const std::string& one : refs) text += one + "a";
  return text + ".";
}

constexpr const char* kInstances = R"({
  "annotations": [
    {"id": 91, "image_id": 5, "iscrowd": 0, "segmentation": [[1,1,4,1,4,3,1,3]]},
    {"id": 92, "image_id": 5, "iscrowd": 1, "segmentation": {"size": [5,6], "counts": [0,30]}},
    {"id": 93, "image_id": 6, "iscrowd": 0, "segmentation": [[1,1,4,1,4,3]]}],
  "images": [{"id": 5, "file_name": "a.jpg", "width": 6, "height": 5},
             {"id": 6, "file_name": "b.jpg", "width": 6, "height": 5}]})";

class Refcoco : public testing::Test {
 protected:
  void SetUp() override {
    tree_.write("ref_seg/refcoco/instances.json", kInstances);
    tree_.picture("ref_seg/refcoco/coco2014/train2014/a.jpg", 6, 5);
    tree_.picture("ref_seg/refcoco/coco2014/train2014/b.jpg", 6, 5);
  }
  void refs(const std::vector<std::string>& refs) {
    tree_.write("ref_seg/refcoco/refs(unc).p", refs_file(refs));
  }

  SmallTree tree_;
  KeepingSink sink_;
};

TEST_F(Refcoco, OneSampleIsOnePictureWithItsObjects) {
  refs({ref(1, 91, 5, "train", {"The Dog.", "dog"}), ref(2, 92, 5, "train", {"all"}),
        ref(3, 93, 6, "val", {"cat"})});
  ASSERT_TRUE(import_from(tree_, "refcoco", sink_, {"train"}).has_value());
  ASSERT_EQ(sink_.samples.size(), 1U);
  const Sample& sample = sink_.samples[0];
  EXPECT_EQ(sample.id, "5");
  EXPECT_EQ(sample.kind, SampleKind::ImageRef);
  EXPECT_EQ(sample.status, SampleStatus::Ok);
  ASSERT_EQ(sample.expressions.size(), 2U);
  EXPECT_THAT(sample.expressions[0].texts, testing::ElementsAre("the dog", "dog"));
  EXPECT_EQ(sample.expressions[0].masks[0].counts, "6230009");
  EXPECT_EQ(preprocess::area(*decoded(sample.expressions[1].masks[0])), 30);
  EXPECT_TRUE(sink_.media_of.contains(sample.media[0].hash));
}

TEST_F(Refcoco, ALaterRefOfAnAnnotationTakesThePlaceOfTheFirst) {
  refs({ref(1, 91, 5, "train", {"old"}), ref(2, 92, 5, "train", {"other"}),
        ref(7, 91, 5, "train", {"new"})});
  ASSERT_TRUE(import_from(tree_, "refcoco", sink_).has_value());
  const auto& expressions = sink_.samples[0].expressions;
  ASSERT_EQ(expressions.size(), 2U);
  EXPECT_THAT(expressions[0].texts, testing::ElementsAre("new"));
  EXPECT_THAT(expressions[1].texts, testing::ElementsAre("other"));
}

TEST_F(Refcoco, EvaluationKeepsTheSentencesOfEveryRefOfAnAnnotation) {
  refs({ref(1, 91, 5, "val", {"Old.", "older"}), ref(7, 91, 5, "val", {"new"}),
        ref(8, 91, 5, "testA", {"elsewhere"})});
  ASSERT_TRUE(import_from(tree_, "refcoco", sink_, {"val"}).has_value());
  const auto source = nlohmann::json::parse(sink_.samples[0].expressions[0].source);
  EXPECT_THAT(source.at("sent").get<std::vector<std::string>>(),
              testing::ElementsAre("old", "older", "new"));
}

TEST_F(Refcoco, AMissingPictureMakesABrokenSampleWithItsReason) {
  std::filesystem::remove(tree_.root() / "ref_seg/refcoco/coco2014/train2014/a.jpg");
  refs({ref(1, 91, 5, "train", {"dog"})});
  ASSERT_TRUE(import_from(tree_, "refcoco", sink_).has_value());
  EXPECT_EQ(sink_.samples[0].status, SampleStatus::Broken);
  EXPECT_THAT(sink_.samples[0].reason, testing::StartsWith("missing file"));
  EXPECT_EQ(sink_.samples[0].media[0].hash, ContentHash{});
  EXPECT_TRUE(sink_.media_of.empty());
}

TEST_F(Refcoco, AnAnnotationThatIsNotThereMakesABrokenSample) {
  refs({ref(1, 999, 5, "train", {"dog"})});
  ASSERT_TRUE(import_from(tree_, "refcoco", sink_).has_value());
  EXPECT_EQ(sink_.samples[0].status, SampleStatus::Broken);
}

TEST_F(Refcoco, APickleThatAsksForCodeEndsTheImport) {
  tree_.write("ref_seg/refcoco/refs(unc).p", "cos\nsystem\n(Vtrue\ntR.");
  const auto done = import_from(tree_, "refcoco", sink_);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message(), testing::HasSubstr("os.system"));
}

TEST_F(Refcoco, APictureOutsideOfTheRootEndsTheImport) {
  tree_.write(
      "ref_seg/refcoco/instances.json",
      R"({"images": [{"id": 5, "file_name": "../../../../../up.jpg", "width": 6, "height": 5}],
                  "annotations": []})");
  refs({ref(1, 91, 5, "train", {"dog"})});
  const auto done = import_from(tree_, "refcoco", sink_);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code(), Errc::InvalidArgument);
}

TEST(Llava, ConversationsKeepTheirTurnsAndThePlaceOfThePicture) {
  SmallTree tree;
  tree.picture("llava_data/llava_images/coco/a.jpg", 8, 8);
  tree.write("llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json", R"([
    {"id": "x", "image": "coco/a.jpg", "conversations": [
      {"from": "gpt", "value": "too early"},
      {"from": "human", "value": " What?\n<image> "}, {"from": "gpt", "value": "This."},
      {"from": "human", "value": "And?"}, {"from": "gpt", "value": "That."}]},
    {"id": "y", "conversations": [
      {"from": "human", "value": "<image>\nSay it."}, {"from": "gpt", "value": "It."}]},
    {"id": "z", "image": "coco/none.jpg", "conversations": [
      {"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]},
    {"id": "w", "conversations": [{"from": "human", "value": "unanswered"}]}])");
  KeepingSink sink;
  ASSERT_TRUE(import_from(tree, "llava", sink).has_value());
  ASSERT_EQ(sink.samples.size(), 4U);
  ASSERT_EQ(sink.samples[0].turns.size(), 2U);
  EXPECT_EQ(sink.samples[0].turns[0].question, "What?\n<image>");
  EXPECT_EQ(sink.samples[0].turns[1].answer, "That.");
  EXPECT_EQ(sink.samples[1].turns[0].question, "Say it.");
  EXPECT_TRUE(sink.samples[1].media.empty());
  EXPECT_EQ(sink.samples[2].status, SampleStatus::Broken);
  EXPECT_EQ(sink.samples[3].status, SampleStatus::Broken);
  EXPECT_EQ(sink.splits[0].samples, 4U);
}

TEST(Importers, HaveNamesThatAreFound) {
  for (const Importer& importer : importers())
    EXPECT_EQ(find_importer(importer.dataset), &importer);
  EXPECT_EQ(find_importer("imagenet"), nullptr);
}

TEST(Importers, FindNothingInAnEmptyFolder) {
  SmallTree tree;
  for (const Importer& importer : importers())
    EXPECT_TRUE(importer.splits(tree.root()).empty()) << importer.dataset;
}

}  // namespace
}  // namespace desa2va::datasets
