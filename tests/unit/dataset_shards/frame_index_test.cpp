#include "common/datasets/frame_index.h"

#include <gtest/gtest.h>

namespace desa2va::datasets {
namespace {

preprocess::VideoIndex three_frames() {
  preprocess::VideoIndex index;
  index.packets = 4;
  const auto add = [&](std::int64_t pts, std::uint32_t packet, bool keyframe, char type) {
    preprocess::FrameEntry frame;
    frame.pts = pts;
    frame.packet = packet;
    frame.keyframe = keyframe;
    frame.type = type;
    frame.content = 77 + packet;
    index.frames.push_back(frame);
  };
  add(-5, 0, true, 'I');
  add(512, 2, false, 'B');
  add(1024, 1, false, 'P');
  index.frames.back().damaged = true;
  index.starts = {0, 3};
  index.decode_error = "packet 1: invalid data";
  return index;
}

TEST(FrameIndex, DecodingUndoesEncoding) {
  const auto index = three_frames();
  const auto back = decode_frame_index(encode_frame_index(index).bytes());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->packets, 4U);
  EXPECT_EQ(back->starts, index.starts);
  EXPECT_EQ(back->decode_error, index.decode_error);
  ASSERT_EQ(back->frames.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back->frames[i].pts, index.frames[i].pts);
    EXPECT_EQ(back->frames[i].packet, index.frames[i].packet);
    EXPECT_EQ(back->frames[i].keyframe, index.frames[i].keyframe);
    EXPECT_EQ(back->frames[i].type, index.frames[i].type);
    EXPECT_EQ(back->frames[i].damaged, index.frames[i].damaged);
    EXPECT_EQ(back->frames[i].content, index.frames[i].content);
  }
}

TEST(FrameIndex, FramesThatDoNotAscendOrNameNoPacketAreCorrupt) {
  auto index = three_frames();
  index.frames[1].pts = -5;
  EXPECT_EQ(decode_frame_index(encode_frame_index(index).bytes()).error().code(), Errc::Corrupt);
  index = three_frames();
  index.frames[1].packet = 4;
  EXPECT_EQ(decode_frame_index(encode_frame_index(index).bytes()).error().code(), Errc::Corrupt);
  index = three_frames();
  index.starts = {3, 0};
  EXPECT_EQ(decode_frame_index(encode_frame_index(index).bytes()).error().code(), Errc::Corrupt);
}

TEST(FrameIndex, TruncatedBytesAreCorrupt) {
  const Buffer bytes = encode_frame_index(three_frames());
  for (std::size_t size = 0; size + 8 < bytes.size(); size += 8) {
    EXPECT_FALSE(decode_frame_index(bytes.bytes().first(size))) << size;
  }
}

}  // namespace
}  // namespace desa2va::datasets
