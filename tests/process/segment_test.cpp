#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <nlohmann/json.hpp>

#include "common/preprocess/image/decode.h"
#include "common/preprocess/image/encode.h"
#include "common/preprocess/video/encode.h"
#include "tests/process/program.h"

// `desa2va segment` on a run of 12 steps: what it says does not matter, what it writes does.
namespace desa2va::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

preprocess::Image scene(int width, int height, int shift) {
  auto image = preprocess::Image::allocate(width, height);
  auto pixels = image.mutable_pixels();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at = static_cast<std::size_t>(y * width + x) * 3;
      const bool inside =
          std::abs(x - shift - width / 3) < width / 6 && std::abs(y - height / 2) < height / 4;
      pixels[at] = inside ? 220 : 40;
      pixels[at + 1] = 60;
      pixels[at + 2] = inside ? 40 : 90;
    }
  }
  return image;
}

std::string bytes_of(const Buffer& buffer) {
  return std::string(as_text(buffer.bytes()));
}

class Segment : public ::testing::Test {
 protected:
  static const fs::path& run() {
    static const fs::path path = [] {
      const fs::path run = data_folder() / "run";
      EXPECT_TRUE(runs(run));
      return run;
    }();
    return path;
  }
  static fs::path image() {
    const fs::path file = data_folder() / "in" / "scene.png";
    write(file, *preprocess::encode_png(scene(97, 64, 0)));
    return file;
  }
  static fs::path video(int frames) {
    std::vector<preprocess::Image> images;
    for (int i = 0; i < frames; ++i) images.push_back(scene(64, 48, i));
    const fs::path file = data_folder() / "in" / ("clip" + std::to_string(frames) + ".mp4");
    write(file, *preprocess::encode_mp4(images, {}));
    return file;
  }

  static std::vector<std::string> words(const std::vector<std::string>& more,
                                        const fs::path& model = run()) {
    std::vector<std::string> all = {(programs() / "desa2va").string(),
                                    "segment",
                                    "--model",
                                    model.string(),
                                    "--max-new-tokens",
                                    "24",
                                    "--threads",
                                    "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static Said say(const std::vector<std::string>& more, const fs::path& model = run()) {
    return test::say(words(more, model));
  }
};

TEST_F(Segment, APictureGetsAnAnswerADrawingMasksAndADocument) {
  const fs::path out = fresh("picture");
  const Said said = say({"--image", image().string(), "--text", "the red block", "--text",
                         "Which thing is red?", "--out", out.string()});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, AllOf(HasSubstr("> Please segment the red block.\n"),
                              HasSubstr("> Which thing is red?\n")));
  EXPECT_THAT(said.err, HasSubstr((out / "scene.png").string()));
  const auto indices = preprocess::decode_indices(
      Buffer::copy_of(as_bytes(read_file(out / "masks/scene/00000.png"))).bytes());
  ASSERT_TRUE(indices) << indices.error().message();
  EXPECT_EQ(indices->width, 97);
  EXPECT_EQ(indices->height, 64);
  const json document = json::parse(read_file(out / "scene.json"));
  EXPECT_EQ(document["kind"], "image");
  EXPECT_EQ(document["texts"].size(), 2U);
  EXPECT_EQ(document["masks"].size(), document["objects"].size());
  EXPECT_EQ(document["step"], 12);
  const auto drawing =
      preprocess::decode_image(Buffer::copy_of(as_bytes(read_file(out / "scene.png"))).bytes());
  EXPECT_TRUE(drawing);
}

TEST_F(Segment, JsonOnStandardOutputIsTheDocumentAndNothingElse) {
  const fs::path out = fresh("json");
  const Said said = say(
      {"--image", image().string(), "--text", "the red block", "--out", out.string(), "--json"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.out, read_file(out / "scene.json"));
  EXPECT_THAT(said.err, HasSubstr("Please segment the red block."));
}

TEST_F(Segment, AVideoAndTheFolderOfItsFramesHaveOneMaskFileAFrame) {
  const fs::path out = fresh("video");
  const Said film =
      say({"--video", video(20).string(), "--text", "the red block", "--out", out.string()});
  ASSERT_EQ(film.code, 0) << film.err;
  EXPECT_THAT(film.err, HasSubstr("20 frames in"));
  EXPECT_TRUE(fs::exists(out / "clip20.mp4"));
  for (const char* name : {"00000.png", "00019.png"})
    EXPECT_TRUE(fs::exists(out / "masks/clip20" / name));

  const fs::path folder = data_folder() / "in" / "frames";
  for (int i = 0; i < 7; ++i)
    write(folder / (std::to_string(i + 5) + ".png"), *preprocess::encode_png(scene(64, 48, i)));
  const Said frames =
      say({"--video", folder.string(), "--text", "the red block", "--out", out.string()});
  ASSERT_EQ(frames.code, 0) << frames.err;
  const json document = json::parse(read_file(out / "frames.json"));
  EXPECT_EQ(document["frames"], 7);
  EXPECT_TRUE(fs::exists(out / "masks/frames/5.png"));
  EXPECT_TRUE(fs::exists(out / "masks/frames/11.png"));
}

TEST_F(Segment, AVideoOfOneFrameIsAVideo) {
  const Said said = say(
      {"--video", video(1).string(), "--text", "the red block", "--out", fresh("one").string()});
  EXPECT_EQ(said.code, 0) << said.err;
}

TEST_F(Segment, TheSameCallGivesTheSameMasks) {
  const auto masks = [&](const std::string& name) {
    const fs::path out = fresh(name);
    EXPECT_EQ(
        say({"--video", video(12).string(), "--text", "the red block", "--out", out.string()}).code,
        0);
    return json::parse(read_file(out / "clip12.json"))["masks"].dump();
  };
  EXPECT_EQ(masks("same_a"), masks("same_b"));
}

TEST_F(Segment, BadInputIsNamedWithItsExitCode) {
  const fs::path in = data_folder() / "in";
  const std::string png = bytes_of(*preprocess::encode_png(scene(50, 50, 0)));
  write(in / "cut.png", Buffer::copy_of(as_bytes(std::string_view(png).substr(0, png.size() / 2))));
  write(in / "empty.mp4", Buffer());
  write(in / "words.mp4", Buffer::copy_of(as_bytes("these are words")));
  fs::create_directories(in / "nothing");
  const std::string out = fresh("bad").string();
  struct Case {
    std::vector<std::string> words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"--image", (in / "absent.png").string(), "--text", "x"}, 2, "absent.png"},
      {{"--image", (in / "cut.png").string(), "--text", "x"}, 3, "truncated image"},
      {{"--image", in.string(), "--text", "x"}, 2, "--video"},
      {{"--image", video(20).string(), "--text", "x"}, 3, "--video"},
      {{"--video", (in / "empty.mp4").string(), "--text", "x"}, 3, "empty file"},
      {{"--video", (in / "words.mp4").string(), "--text", "x"}, 3, "words.mp4"},
      {{"--video", (in / "nothing").string(), "--text", "x"}, 2, "no frames"},
      {{"--image", image().string(), "--text", ""}, 2, "--text is empty"},
      {{"--image", image().string(), "--text", std::string(100'000, 'x')}, 2, "llm.max_length"},
      {{"--image", image().string(), "--text", "a <image> b"}, 2, "<image>"},
      {{"--image", image().string()}, 2, "--text"},
      {{"--text", "x"}, 2, "--image FILE or --video"},
      {{"--image", image().string(), "--text", "x", "--branch", "best"}, 2, "--branch"},
      {{"--image", image().string(), "--text", "x", "--step", "99"}, 2, "99"},
      {{"--video", video(20).string(), "--text", "the red block", "--video-mode", "consistent"},
       2,
       "--sam2-original"},
  };
  for (const Case& one : cases) {
    auto all = one.words;
    all.insert(all.end(), {"--out", out});
    const Said said = say(all);
    EXPECT_EQ(said.code, one.code) << said.err;
    EXPECT_THAT(said.err, HasSubstr(one.says));
  }
  const Said own =
      say({"--image", image().string(), "--text", "x", "--out", image().parent_path().string()});
  EXPECT_EQ(own.code, 2);
  EXPECT_THAT(own.err, HasSubstr("overwritten by its own result"));
  const Said stranger = say({"--image", image().string(), "--text", "x"}, in);
  EXPECT_EQ(stranger.code, 2);
  EXPECT_THAT(stranger.err, HasSubstr("no config.yaml"));
}

TEST_F(Segment, PicturesOfAnyShapeAreAnswered) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 20000}}) {
    const fs::path file = data_folder() / "in" / "odd.png";
    write(file, *preprocess::encode_png(scene(width, height, 0)));
    const fs::path out = fresh("odd");
    const Said said =
        say({"--image", file.string(), "--text", "the red block", "--out", out.string()});
    ASSERT_EQ(said.code, 0) << said.err;
    const json document = json::parse(read_file(out / "odd.json"));
    EXPECT_EQ(document["height"], height);
  }
}

TEST_F(Segment, CtrlCEndsWith130AndLeavesNoHalfWrittenFile) {
  const fs::path out = fresh("stopped");
  const pid_t pid = start(
      words({"--video", video(20).string(), "--text", "the red block", "--out", out.string()}),
      data_folder() / "stopped.txt");
  ::kill(pid, SIGINT);  // wherever it is
  const int code = wait_for(pid);
  EXPECT_TRUE(code == 130 || code == 128 + SIGINT)
      << code << read_file(data_folder() / "stopped.txt");
  if (fs::exists(out)) {
    for (const auto& entry : fs::directory_iterator(out))
      EXPECT_NE(entry.path().extension(), ".unfinished");
  }
}

}  // namespace
}  // namespace desa2va::test
