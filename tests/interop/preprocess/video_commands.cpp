#include <fstream>
#include <numeric>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include "common/preprocess/video/encode.h"
#include "common/preprocess/video/reader.h"
#include "tests/interop/preprocess/commands.h"

namespace desa2va::interop {

namespace {

using preprocess::Frame;
using preprocess::VideoReader;

struct OpenVideo {
  Buffer bytes;
  preprocess::VideoIndex index;
  preprocess::DecoderPool decoders{4};
};

std::vector<std::uint32_t> numbers_in(const std::string& list) {
  std::vector<std::uint32_t> numbers;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');)
    numbers.push_back(static_cast<std::uint32_t>(std::stoul(word)));
  return numbers;
}

Result<Reply> open_video(OpenVideo& video, const Request& request) {
  std::ifstream file(request.arguments.at(0), std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  video.bytes = Buffer::copy_of(as_bytes(bytes.str()));
  DESA2VA_ASSIGN(VideoReader reader, VideoReader::open(video.bytes));
  DESA2VA_ASSIGN(video.index, reader.scan());
  DESA2VA_TRY(reader.confirm_starts(video.index));
  Reply reply;
  reply.fields = {fmt::to_string(video.index.frames.size()), fmt::to_string(video.index.packets)};
  return reply;
}

// As a loader does it: opened from the stored index, with decoders that wait, pixels to RGB and
// dropped again.
Result<Reply> sample(OpenVideo& video, const std::vector<std::uint32_t>& numbers) {
  Reply reply;
  std::uint64_t frames = 0;
  std::uint64_t packets = 0;
  const auto done = timed(reply.nanoseconds, [&]() -> Result<void> {
    DESA2VA_ASSIGN(VideoReader reader,
                   VideoReader::open(video.bytes, {&video.index, &video.decoders}));
    DESA2VA_TRY(reader.visit_frames(video.index, numbers, [&](const Frame& frame) -> Result<void> {
      DESA2VA_ASSIGN(const preprocess::Image image, frame.rgb());
      frames += image.rgb.empty() ? 0 : 1;
      return {};
    }));
    packets = reader.counts().packets;
    return {};
  });
  if (!done) return std::move(done.error());
  reply.fields = {fmt::to_string(frames), fmt::to_string(packets)};
  return reply;
}

// A scene that moves and is lit unevenly, with fine noise: what a camera gives a coder to do.
Result<Reply> make(const Request& request) {
  const int width = request.number(1);
  const int height = request.number(2);
  const int count = request.number(3);
  std::vector<preprocess::Image> frames;
  std::uint32_t noise = 1;
  for (int i = 0; i < count; ++i) {
    preprocess::Image image = preprocess::Image::allocate(width, height);
    std::uint8_t* out = image.mutable_pixels().data();
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x, out += 3) {
        noise = noise * 1664525U + 1013904223U;
        const int u = x + 3 * i;
        const int v = y + i / 2;
        const int texture =
            ((u * u / 97 + v * 5) / 16 % 64) + ((u / 40 + v / 30) % 2 == 0 ? 60 : 0);
        const bool object =
            (x - 4 * i % width) * (x - 4 * i % width) / 4 + (y - height / 2) * (y - height / 2) <
            height * height / 40;
        const int grain = static_cast<int>(noise >> 29U);
        out[0] = static_cast<std::uint8_t>(std::min(255, (object ? 180 : texture + 40) + grain));
        out[1] = static_cast<std::uint8_t>(std::min(255, texture + 70 + grain));
        out[2] = static_cast<std::uint8_t>(std::min(255, (object ? 40 : texture + 90) + grain));
      }
    }
    frames.push_back(std::move(image));
  }
  preprocess::Mp4Options options;
  options.keyframe_interval = request.number(4);
  options.b_frames = 3;
  options.crf = 23;
  options.rate = {30, 1};
  DESA2VA_ASSIGN(const Buffer bytes, encode_mp4(frames, options));
  std::ofstream file(request.arguments.at(0), std::ios::binary);
  file << as_text(bytes.bytes());
  return Reply{};
}

}  // namespace

void add_video_commands(Commands& commands) {
  auto video = std::make_shared<OpenVideo>();
  commands["make_video"] = make;
  commands["video"] = [video](const Request& request) { return open_video(*video, request); };
  commands["sample"] = [video](const Request& request) {
    return sample(*video, numbers_in(request.arguments.at(0)));
  };
  commands["all"] = [video](const Request&) {
    std::vector<std::uint32_t> numbers(video->index.frames.size());
    std::iota(numbers.begin(), numbers.end(), 0U);
    return sample(*video, numbers);
  };
}

}  // namespace desa2va::interop
