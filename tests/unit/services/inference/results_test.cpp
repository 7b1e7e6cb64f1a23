#include "services/inference/results.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "common/preprocess/image/decode.h"
#include "tests/support/temp_dir.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

preprocess::Image grey(int width, int height) {
  auto image = preprocess::Image::allocate(width, height);
  std::ranges::fill(image.mutable_pixels(), std::uint8_t{100});
  return image;
}

Header header(MediaKind kind) {
  Header header;
  header.model = "/runs/a";
  header.step = 7;
  header.name = "clip";
  header.kind = kind;
  header.width = 6;
  header.height = 4;
  header.answers = {{"the dog", "Please segment the dog.", "It is [SEG].", 5, true, {1}},
                    {"broken \xff text", "q", "no", 1, true, {}}};
  header.objects = {{1, "the dog", "the dog"}};
  return header;
}

PictureMasks one_pixel(int width, int height) {
  PictureMasks masks{
      width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height)), {}};
  masks.numbers[1] = 1;
  auto mask = preprocess::Mask::zeros(width, height);
  mask.pixels[1] = 1;
  masks.objects = {preprocess::encode_rle(mask)};
  return masks;
}

TEST(Results, MasksArePaletteFilesAndRunLengthsAndTheDocumentIsWhole) {
  const test::TempDir dir;
  std::string document;
  {
    auto writer = ResultWriter::create(dir.path(), header(MediaKind::Video), {10, 1}, true);
    ASSERT_TRUE(writer) << writer.error().message();
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(
          writer->add({grey(6, 4), fmt::format("{:05}", i), false}, one_pixel(6, 4), {0.75}));
    EXPECT_FALSE(fs::exists(dir / "clip.json"));  // not before it is whole
    EXPECT_FALSE(fs::exists(dir / "clip.mp4"));
    ASSERT_TRUE(writer->finish(1, 2.0, &document));
  }
  const auto json = nlohmann::json::parse(document);
  EXPECT_EQ(json["frames"], 3);
  EXPECT_EQ(json["damaged_frames"], 1);
  EXPECT_EQ(json["step"], 7);
  EXPECT_EQ(json["texts"][0]["objects"], nlohmann::json({1}));
  ASSERT_EQ(json["masks"].size(), 3U);
  const auto& mask = json["masks"][2];
  EXPECT_EQ(mask["frame"], 2);
  EXPECT_EQ(mask["name"], "00002");
  EXPECT_EQ(mask["area"], 1);
  EXPECT_EQ(mask["score"], 0.75);
  const auto rle =
      preprocess::rle_from_string(4, 6, mask["segmentation"]["counts"].get<std::string>());
  ASSERT_TRUE(rle);
  EXPECT_EQ(preprocess::decode_rle(*rle).pixels[1], 1);

  const auto bytes = map_file(dir.path() / "masks" / "clip" / "00001.png");
  ASSERT_TRUE(bytes);
  const auto indices = preprocess::decode_indices(bytes->bytes());
  ASSERT_TRUE(indices);
  EXPECT_EQ(indices->indices[1], 1);
  EXPECT_EQ(indices->indices[0], 0);

  const auto video = open_video(dir / "clip.mp4");
  ASSERT_TRUE(video) << video.error().message();
  EXPECT_EQ(*(*video)->count(), 3);
}

TEST(Results, AnEarlierResultLeavesNoMaskBehind) {
  const test::TempDir dir;
  for (const int frames : {3, 1}) {
    auto writer = ResultWriter::create(dir.path(), header(MediaKind::Video), {10, 1}, false);
    ASSERT_TRUE(writer);
    for (int i = 0; i < frames; ++i)
      ASSERT_TRUE(writer->add({grey(6, 4), fmt::format("{:05}", i), false}, one_pixel(6, 4), {1}));
    ASSERT_TRUE(writer->finish(0, 1, nullptr));
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.path() / "masks" / "clip"))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, ElementsAre("00000.png"));
  EXPECT_FALSE(fs::exists(dir / "clip.mp4"));
}

TEST(Results, WhatIsNotFinishedIsRemoved) {
  const test::TempDir dir;
  {
    auto writer = ResultWriter::create(dir.path(), header(MediaKind::Video), {10, 1}, true);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add({grey(6, 4), "00000", false}, one_pixel(6, 4), {1}));
  }
  for (const auto& entry : fs::directory_iterator(dir.path()))
    EXPECT_EQ(entry.path().filename(), "masks");
}

TEST(Results, AFolderThatCannotBeMadeIsNamed) {
  const test::TempDir dir;
  std::ofstream(dir / "file") << "x";
  const auto writer = ResultWriter::create(dir / "file", header(MediaKind::Image), {1, 1}, true);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().exit_code(), 2);
  EXPECT_THAT(writer.error().message(), HasSubstr((dir / "file").string()));
}

TEST(Results, NothingOverwritesItsOwnSource) {
  const test::TempDir dir;
  std::ofstream(dir / "scene.png") << "x";
  fs::create_directories(dir / "masks/clip");
  EXPECT_FALSE(check_apart(result_files(dir.path(), "scene", MediaKind::Image), dir / "scene.png"));
  EXPECT_FALSE(check_apart(result_files(dir.path(), "clip", MediaKind::Video), dir / "masks/clip"));
  EXPECT_TRUE(check_apart(result_files(dir / "out", "scene", MediaKind::Image), dir / "scene.png"));
  EXPECT_TRUE(check_apart(result_files(dir.path(), "scene", MediaKind::Video), dir / "scene.png"));
}

TEST(Results, TheLegendNamesWhatWasNotFound) {
  const auto legend = legend_of(header(MediaKind::Image));
  ASSERT_EQ(legend.size(), 2U);
  EXPECT_EQ(legend[0].number, 1);
  EXPECT_EQ(legend[1].number, 0);
  EXPECT_THAT(legend[1].text, HasSubstr("no object found"));
}

}  // namespace
}  // namespace desa2va::inference
