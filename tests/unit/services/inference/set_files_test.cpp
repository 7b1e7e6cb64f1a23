#include "services/inference/set_files.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/preprocess/image/decode.h"
#include "services/inference/draw_case.h"
#include "tests/support/temp_dir.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using preprocess::Rle;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

preprocess::Image grey(int width, int height) {
  auto image = preprocess::Image::allocate(width, height);
  std::ranges::fill(image.mutable_pixels(), std::uint8_t{100});
  return image;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

// The pixels [from, to) of a row of four.
Rle span(std::uint32_t from, std::uint32_t to) {
  return Rle{4, 1, {from, to - from, 4 - to}};
}

TEST(WorstCases, AreTheLowestScoresAndOfEqualsTheFirstByName) {
  const test::TempDir dir;
  WorstCases worst(dir.path(), 2);
  for (const auto& [score, query] :
       {std::pair{0.9, "a/1"}, {0.5, "a/3"}, {0.5, "a/2"}, {0.7, "a/4"}, {0.5, "a/1"}}) {
    if (!worst.wants(score, query)) continue;
    ASSERT_TRUE(worst.keep(score, query, grey(4, 4)));
  }
  EXPECT_THAT(names_in(dir / "worst"), ElementsAre("0.500_a_1.png", "0.500_a_2.png"));
  EXPECT_FALSE(WorstCases(dir.path(), 0).wants(0, "x"));
}

TEST(ServerMasks, AreGreyPicturesBelowTheFolder) {
  const test::TempDir dir;
  ASSERT_TRUE(write_for_server(dir.path(), "v", "0", {"00005"}, {span(1, 3)}));
  std::ifstream file(dir / "Annotations/v/0/00005.png", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(bytes[25], 0);  // PNG colour type: grey
  const auto image = preprocess::decode_image(Buffer::copy_of(as_bytes(bytes)).bytes());
  ASSERT_TRUE(image);
  EXPECT_THAT(std::vector<int>(image->pixels().begin(), image->pixels().end()),
              ElementsAre(0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0));
  for (const char* video : {"../v", "/tmp/v", "a/../../v"}) {
    const auto out = write_for_server(dir.path(), video, "0", {"00005"}, {span(1, 3)});
    ASSERT_FALSE(out) << video;
    EXPECT_THAT(out.error().message(), HasSubstr("lead out of the folder"));
  }
}

TEST(DrawCase, OfAVideoShowsTheFrameThatIsFurthestFromTheTruth) {
  datasets::Sample sample;
  sample.kind = datasets::SampleKind::VideoRef;
  sample.media.resize(3);
  sample.expressions.resize(1);
  for (const Rle& mask : {span(0, 1), span(0, 3), span(0, 2)})
    sample.expressions[0].masks.push_back(datasets::coded(mask));
  const auto& set = **evaluation::find_set("mevis");
  const evaluation::Answer none{"", {{"fused", {}}}};
  EXPECT_EQ(*telling_frame(set, sample, {}, none, "fused"), 1U);
  const evaluation::Answer some{"", {{"fused", {{span(0, 1), span(0, 3), span(3, 4)}}}}};
  EXPECT_EQ(*telling_frame(set, sample, {}, some, "fused"), 2U);
}

TEST(DrawCase, OfAQuestionHasItsWordsBelowThePicture) {
  datasets::Sample sample;
  sample.kind = datasets::SampleKind::ImageQa;
  sample.turns = {{"", "B"}};
  const auto& set = **evaluation::find_set("seed");
  const evaluation::Query query{"seed/image/1", "Which?\nA. x\nB. y"};
  const auto drawing =
      draw_case(Pen(), set, sample, query, {"A", {}}, "fused", 0, 0, grey(100, 50));
  ASSERT_TRUE(drawing);
  EXPECT_GE(drawing->width, 560);
  EXPECT_GT(drawing->height, 50 * drawing->width / 100);
}

}  // namespace
}  // namespace desa2va::inference
