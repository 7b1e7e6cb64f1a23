#include "services/inference/media.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/preprocess/image/encode.h"
#include "common/preprocess/video/encode.h"
#include "tests/support/temp_dir.h"

namespace desa2va::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

preprocess::Image grey(int width, int height, int value) {
  auto image = preprocess::Image::allocate(width, height);
  std::ranges::fill(image.mutable_pixels(), static_cast<std::uint8_t>(value));
  return image;
}

void write(const std::filesystem::path& file, const Buffer& bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

std::filesystem::path video_of(const test::TempDir& dir, int frames) {
  std::vector<preprocess::Image> images;
  for (int i = 0; i < frames; ++i) images.push_back(grey(32, 16, 8 * i));
  preprocess::Mp4Options options;
  options.crf = 0;
  write(dir / "clip.mp4", *preprocess::encode_mp4(images, options));
  return dir / "clip.mp4";
}

std::vector<std::string> names_of(Media& media) {
  std::vector<std::string> names;
  for (;;) {
    const auto frame = media.next();
    EXPECT_TRUE(frame) << frame.error().message();
    if (!frame || !*frame) return names;
    names.push_back((*frame)->name);
  }
}

TEST(NaturalOrder, NumbersAreComparedAsNumbers) {
  EXPECT_TRUE(natural_less("2.jpg", "10.jpg"));
  EXPECT_FALSE(natural_less("10.jpg", "2.jpg"));
  EXPECT_TRUE(natural_less("00009.jpg", "00010.jpg"));
  EXPECT_TRUE(natural_less("a2b3", "a2b20"));
  EXPECT_TRUE(natural_less("a", "b"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_TRUE(natural_less("01", "1"));
  EXPECT_FALSE(natural_less("1", "01"));
  EXPECT_FALSE(natural_less("x", "x"));
}

TEST(Media, AFolderIsAVideoOfItsPicturesInOrder) {
  const test::TempDir dir;
  for (const char* name : {"10.png", "9.png", "1.png"})
    write(dir / name, *preprocess::encode_png(grey(4, 4, 1)));
  std::ofstream(dir / "notes.txt") << "not a frame";
  const auto media = open_video(dir.path());
  ASSERT_TRUE(media) << media.error().message();
  EXPECT_EQ((*media)->kind(), MediaKind::Video);
  EXPECT_EQ(*(*media)->count(), 3);
  EXPECT_THAT(names_of(**media), ElementsAre("1", "9", "10"));
}

TEST(Media, ABrokenFrameOfAFolderIsNamed) {
  const test::TempDir dir;
  write(dir / "1.png", *preprocess::encode_png(grey(4, 4, 1)));
  std::ofstream(dir / "2.png") << "no picture";
  const auto media = open_video(dir.path());
  ASSERT_TRUE(media);
  ASSERT_TRUE((*media)->next());
  const auto broken = (*media)->next();
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message(), HasSubstr("2.png"));
  EXPECT_EQ(broken.error().exit_code(), 3);
}

TEST(Media, FoldersWithoutOneFrameForEachMaskFileAreRefused) {
  const test::TempDir dir;
  EXPECT_THAT(open_video(dir.path()).error().message(), HasSubstr("no frames"));
  write(dir / "1.png", *preprocess::encode_png(grey(4, 4, 1)));
  write(dir / "1.jpg", *preprocess::encode_jpeg(grey(4, 4, 1)));
  EXPECT_THAT(open_video(dir.path()).error().message(), HasSubstr("the same mask file"));
}

TEST(Media, FramesOfAFileComeInOrderWhilePickedOnesDoNotDisturbThem) {
  const test::TempDir dir;
  const auto media = open_video(video_of(dir, 20));
  ASSERT_TRUE(media) << media.error().message();
  const auto first = (*media)->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->name, "00000");
  EXPECT_EQ(*(*media)->count(), 20);
  const auto picked = (*media)->pick({0, 19});
  ASSERT_TRUE(picked);
  EXPECT_NEAR((*picked)[1].pixels()[0], 8 * 19, 4);
  EXPECT_EQ(names_of(**media).size(), 19U);
  EXPECT_TRUE((*media)->next() && !*(*media)->next());  // the end stays the end
}

TEST(Media, AVideoNeedNotBeReadToItsEnd) {
  const test::TempDir dir;
  auto media = open_video(video_of(dir, 30));
  ASSERT_TRUE(media);
  ASSERT_TRUE((*media)->next());
  media->reset();  // the decoder waits for space in the queue, and gives up
}

TEST(Media, WhatCannotBeReadIsNamedWithTheRightExitCode) {
  const test::TempDir dir;
  std::ofstream(dir / "empty.mp4");
  std::ofstream(dir / "text.jpg") << "hello";
  const auto missing = open_picture(dir / "none.jpg");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit_code(), 2);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.jpg"));
  const auto empty = open_video(dir / "empty.mp4");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().exit_code(), 3);
  const auto text = open_picture(dir / "text.jpg");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().exit_code(), 3);
  EXPECT_THAT(text.error().message(), HasSubstr("--video"));
  EXPECT_THAT(open_picture(dir.path()).error().message(), HasSubstr("--video"));
}

TEST(Lookahead, GivesTheFramesItReadAheadInOrder) {
  const test::TempDir dir;
  const auto media = open_video(video_of(dir, 7));
  ASSERT_TRUE(media);
  Lookahead ahead(**media);
  ASSERT_TRUE(ahead.fill(5));
  EXPECT_EQ(ahead.waiting().size(), 5U);
  ASSERT_TRUE(ahead.fill(16));
  EXPECT_EQ(ahead.waiting().size(), 7U);
  for (int i = 0; i < 7; ++i) EXPECT_EQ((*ahead.next())->name, fmt::format("{:05}", i));
  EXPECT_FALSE(*ahead.next());
}

}  // namespace
}  // namespace desa2va::inference
