// MeViS, Ref-YouTube-VOS by palette pictures, and Ref-SAV.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/preprocess/video/encode.h"
#include "tests/unit/datasets/small_tree.h"

namespace desa2va::datasets {
namespace {

std::int64_t area_of(const CodedMask& mask) {
  return preprocess::area(*decoded(mask));
}

class Mevis : public testing::Test {
 protected:
  void SetUp() override {
    tree_.picture(folder_ + "JPEGImages/v/00000.jpg", 6, 5);
    tree_.picture(folder_ + "JPEGImages/v/00005.jpg", 6, 5);
    tree_.write(folder_ + "meta_expressions.json", R"({"videos": {"v": {
      "frames": ["00005", "00000"], "expressions": {
        "0": {"exp": "The man. ", "obj_id": [0], "anno_id": [1]},
        "1": {"exp": "Both?", "obj_id": [0, 1], "anno_id": [1, "2"]}}}}})");
  }
  void masks(const std::string& text) { tree_.write(folder_ + "mask_dict.json", text); }

  const std::string folder_ = "video_datas/mevis/train/";
  SmallTree tree_;
  KeepingSink sink_;
};

TEST_F(Mevis, ExpressionsMeanTheUnionOfTheirTracks) {
  masks(R"({"1": [{"size": [5,6], "counts": [0,1,29]}, null],
            "2": [[{"size": [5,6], "counts": [1,2,27]}, {"size": [5,6], "counts": [2,2,26]}], null]})");
  ASSERT_TRUE(import_from(tree_, "mevis", sink_).has_value());
  const Sample& sample = sink_.samples.at(0);
  EXPECT_EQ(sample.status, SampleStatus::Ok) << sample.reason;
  EXPECT_THAT(sample.media[0].path, testing::EndsWith("00000.jpg"));  // frames are sorted
  EXPECT_EQ(sample.expressions[0].texts[0], "the man");
  EXPECT_FALSE(sample.expressions[0].verbatim);
  EXPECT_EQ(area_of(sample.expressions[0].masks[0]), 1);
  EXPECT_EQ(area_of(sample.expressions[0].masks[1]), 0);
  EXPECT_EQ(sample.expressions[1].texts[0], "Both?");
  EXPECT_TRUE(sample.expressions[1].verbatim);
  EXPECT_EQ(area_of(sample.expressions[1].masks[0]), 4);
}

TEST_F(Mevis, AMaskOfAnotherSizeIsMovedAndTheSampleWarned) {
  masks(R"({"1": [{"size": [5,5], "counts": [0,25]}, null], "2": [null, null]})");
  ASSERT_TRUE(import_from(tree_, "mevis", sink_).has_value());
  const Sample& sample = sink_.samples.at(0);
  EXPECT_EQ(sample.status, SampleStatus::Warned);
  EXPECT_EQ(sample.expressions[0].masks[0].width, 6);
  EXPECT_EQ(area_of(sample.expressions[0].masks[0]), 25);
}

TEST_F(Mevis, TooFewMasksLeaveTheRestEmpty) {
  masks(R"({"1": [{"size": [5,6], "counts": [0,30]}], "2": []})");
  ASSERT_TRUE(import_from(tree_, "mevis", sink_).has_value());
  EXPECT_EQ(sink_.samples.at(0).status, SampleStatus::Warned);
  EXPECT_EQ(area_of(sink_.samples.at(0).expressions[0].masks.at(1)), 0);
}

TEST_F(Mevis, ATrackThatIsNotThereEndsTheImport) {
  masks(R"({"1": [null, null]})");
  const auto done = import_from(tree_, "mevis", sink_);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message(), testing::HasSubstr("track 2"));
}

TEST_F(Mevis, ABadFrameMakesTheSampleBroken) {
  masks(R"({"1": [null, null], "2": [null, null]})");
  tree_.write(folder_ + "JPEGImages/v/00005.jpg", "");
  ASSERT_TRUE(import_from(tree_, "mevis", sink_).has_value());
  EXPECT_EQ(sink_.samples.at(0).status, SampleStatus::Broken);
  EXPECT_THAT(sink_.samples.at(0).reason, testing::StartsWith("empty file"));
}

TEST_F(Mevis, WithoutMasksExpressionsHaveNone) {
  ASSERT_TRUE(import_from(tree_, "mevis", sink_).has_value());
  EXPECT_TRUE(sink_.samples.at(0).expressions[0].masks.empty());
}

TEST(Rvos, PalettePicturesStandInForTheMaskDictionary) {
  SmallTree tree;
  const std::string folder = "video_datas/rvos/";
  tree.picture(folder + "train/JPEGImages/v/00000.jpg", 4, 2);
  tree.picture(folder + "train/JPEGImages/v/00005.jpg", 4, 2);
  tree.write(folder + "train/Annotations/v/00000.png",
             *preprocess::encode_png(preprocess::IndexedImage{4, 2, {0, 1, 2, 2, 0, 1, 0, 0}}));
  tree.write(folder + "meta_expressions/train/meta_expressions.json",
             R"({"videos": {"v": {"frames": ["00000", "00005"], "expressions": {
                "10": {"exp": "ten", "obj_id": "2"}, "2": {"exp": "two", "obj_id": "1"}}}}})");
  KeepingSink sink;
  ASSERT_TRUE(import_from(tree, "rvos", sink).has_value());
  const auto& expressions = sink.samples.at(0).expressions;
  EXPECT_EQ(expressions[0].id, "10");  // by their id as text
  EXPECT_EQ(area_of(expressions[0].masks[0]), 2);
  EXPECT_EQ(area_of(expressions[1].masks[0]), 2);
  EXPECT_EQ(area_of(expressions[1].masks[1]), 0);
}

class Refsav : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<preprocess::Image> frames(9, preprocess::Image::allocate(16, 16));
    for (auto& frame : frames) std::fill_n(frame.mutable_pixels().begin(), frame.rgb.size(), 90);
    tree_.write("video_datas/sam_v_full/v.mp4", *preprocess::encode_mp4(frames));
    tree_.write("video_datas/sam_v_final_v3.json", R"({"s1": {"video_path": "v.mp4",
      "anno_path": "v.json", "objects": {"1": {"formated": "A Kite.", "short_caps": ["kite"]}}}})");
  }
  void annotate(int frames) {
    std::string text = R"({"masklet": [)";
    for (int i = 0; i < frames; ++i)
      text += std::string(i > 0 ? "," : "") +
              R"([{"size": [16,16], "counts": [256]}, {"size": [16,16], "counts": [0,256]}])";
    tree_.write("video_datas/sam_v_full/v.json", text + "]}");
  }

  SmallTree tree_;
  KeepingSink sink_;
};

TEST_F(Refsav, EveryFourthFrameMayBeDrawn) {
  annotate(3);
  ASSERT_TRUE(import_from(tree_, "refsav", sink_).has_value());
  const Sample& sample = sink_.samples.at(0);
  EXPECT_EQ(sample.status, SampleStatus::Ok) << sample.reason;
  EXPECT_THAT(sample.frames, testing::ElementsAre(0, 4, 8));
  EXPECT_EQ(sample.media[0].frames, 9U);
  EXPECT_EQ(sample.expressions[0].texts[0], "A Kite.");
  EXPECT_THAT(sample.expressions[0].short_texts, testing::ElementsAre("kite"));
  EXPECT_EQ(area_of(sample.expressions[0].masks[2]), 256);
}

TEST_F(Refsav, AnAnnotationLongerThanTheVideoIsCut) {
  annotate(5);
  ASSERT_TRUE(import_from(tree_, "refsav", sink_).has_value());
  EXPECT_EQ(sink_.samples.at(0).status, SampleStatus::Warned);
  EXPECT_EQ(sink_.samples.at(0).drawable_frames(), 3U);
}

TEST_F(Refsav, AnObjectWithoutMaskletMakesTheSampleBroken) {
  tree_.write("video_datas/sam_v_full/v.json",
              R"({"masklet": [[{"size": [16,16], "counts": [256]}]]})");
  // The annotation has one object, the expression names number 1.
  ASSERT_TRUE(import_from(tree_, "refsav", sink_).has_value());
  EXPECT_EQ(sink_.samples.at(0).status, SampleStatus::Broken);
}

TEST_F(Refsav, AVideoThatCannotBeOpenedMakesTheSampleBroken) {
  annotate(3);
  tree_.write("video_datas/sam_v_full/v.mp4", "<html>");
  ASSERT_TRUE(import_from(tree_, "refsav", sink_).has_value());
  EXPECT_EQ(sink_.samples.at(0).status, SampleStatus::Broken);
  EXPECT_THAT(sink_.samples.at(0).reason, testing::HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace desa2va::datasets
