#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/datasets/small_tree.h"

// `desa2va shards import` as a user runs it: what it prints where, how it ends, and what an
// interrupt leaves.
namespace desa2va {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kLlava = "llava_data/LLaVA-Instruct-150K/llava_v1_5_mix665k.json";

class ImportProcess : public ::testing::Test {
 protected:
  struct Said {
    int code = -1;
    std::string out;
    std::string err;
  };

  pid_t start(const std::vector<std::string>& words) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    for (const auto& [name, fd] : {std::pair{"out", 1}, std::pair{"err", 2}})
      if (std::freopen((place_ / name).c_str(), "w", fd == 1 ? stdout : stderr) == nullptr)
        ::_exit(99);
    const auto program = fs::read_symlink("/proc/self/exe").parent_path() / "desa2va";
    std::vector<char*> arguments = {const_cast<char*>(program.c_str())};
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(program.c_str(), arguments.data());
    ::_exit(98);
  }
  Said finish(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    const auto read = [&](const char* name) {
      std::ifstream in(place_ / name);
      return std::string(std::istreambuf_iterator<char>(in), {});
    };
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read("out"),
            read("err")};
  }
  Said say(std::vector<std::string> words) {
    words.insert(words.begin(), "shards");
    return finish(start(words));
  }
  std::vector<std::string> import_words(const std::string& name) {
    return {"import", "llava", tree_.root().string(), (place_ / name).string()};
  }

  void conversations(int count, const std::string& tail = "]") {
    std::string text = "[";
    for (int i = 0; i < count; ++i)
      text += fmt::format(
          R"({}{{"id": {}, "image": "{}.jpg", "conversations": [)"
          R"({{"from": "human", "value": "<image>\nwhat?"}}, {{"from": "gpt", "value": "it"}}]}})",
          i == 0 ? "" : ",", i, i);
    tree_.write(kLlava, text + tail);
  }
  // Each with a comment of its own, so that none is another's content and each is decoded.
  void different_pictures(int count, int side) {
    pictures(1, side);
    const auto folder = tree_.root() / "llava_data/llava_images";
    std::ifstream in(folder / "0.jpg", std::ios::binary);
    const std::string jpeg(std::istreambuf_iterator<char>(in), {});
    for (int i = 0; i < count; ++i) {
      const std::string comment = {
          '\xFF', '\xFE', 0, 4, static_cast<char>(i / 256), static_cast<char>(i % 256)};
      std::ofstream(folder / fmt::format("{}.jpg", i), std::ios::binary)
          << jpeg.substr(0, 2) << comment << jpeg.substr(2);
    }
  }
  void pictures(int count, int side) {
    tree_.picture("llava_data/llava_images/0.jpg", side, side);
    const auto first = tree_.root() / "llava_data/llava_images/0.jpg";
    for (int i = 1; i < count; ++i)
      fs::copy_file(first, tree_.root() / fmt::format("llava_data/llava_images/{}.jpg", i));
  }
  std::vector<fs::path> hidden() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(place_.path()))
      if (entry.path().filename().string().starts_with(".")) paths.push_back(entry.path());
    return paths;
  }
  // An import is under way and has decoded something.
  bool has_decoded() const {
    for (const auto& folder : hidden()) {
      std::error_code error;
      const auto bytes = fs::file_size(folder / "journal", error);
      if (!error && bytes > 0) return true;
    }
    return false;
  }

  datasets::SmallTree tree_;
  test::TempDir place_;
};

TEST_F(ImportProcess, PrintsATableAndAsJsonOneDocument) {
  pictures(3, 40);
  conversations(4);  // the last has no picture
  const auto table = say(import_words("a"));
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("missing file"));
  auto words = import_words("b");
  words.push_back("--json");
  const auto said = say(words);
  ASSERT_EQ(said.code, 0) << said.err;
  const auto json = nlohmann::json::parse(said.out);
  EXPECT_EQ(json.at("samples"), 4);
  EXPECT_EQ(json.at("import").at("broken_by_reason").at("missing file"), 1);
  EXPECT_EQ(json.at("import").at("pictures"), 1);  // equal content is stored once
}

TEST_F(ImportProcess, FailuresHaveTheirExitCodesAndLeaveNoDataset) {
  EXPECT_EQ(say({"import", "llava", (place_ / "none").string(), (place_ / "d").string()}).code, 2);
  EXPECT_EQ(say({"import", "imagenet", tree_.root().string(), (place_ / "d").string()}).code, 2);
  conversations(3, "");
  const auto cut = say(import_words("d"));
  EXPECT_EQ(cut.code, 3);
  EXPECT_THAT(cut.err, HasSubstr("ends early"));
  tree_.write(kLlava, R"([{"image": "../../../etc/passwd", "conversations": []}])");
  const auto climbs = say(import_words("d"));
  EXPECT_EQ(climbs.code, 2);
  EXPECT_THAT(climbs.err, HasSubstr("../../../etc/passwd"));
  tree_.write(kLlava, R"([{"conversations": 7}, 5])");
  EXPECT_EQ(say(import_words("d")).code, 3);
  EXPECT_FALSE(fs::exists(place_ / "d"));
}

// One thread and hundreds of pictures to decode: when the first is in the journal, the import is
// far from its end on any machine.
TEST_F(ImportProcess, CtrlCIsExit130AndTheSameCommandGoesOn) {
  different_pictures(400, 700);
  conversations(400);
  auto words = import_words("d");
  words.insert(words.begin(), "shards");
  words.insert(words.end(), {"--threads", "1"});
  const pid_t child = start(words);
  while (!has_decoded() && ::waitpid(child, nullptr, WNOHANG) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_TRUE(has_decoded());
  ::kill(child, SIGINT);
  const auto said = finish(child);
  EXPECT_EQ(said.code, 130) << said.err;
  EXPECT_FALSE(fs::exists(place_ / "d"));
  const auto again = say(import_words("d"));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(hidden().empty());
  EXPECT_EQ(say({"verify", (place_ / "d").string()}).code, 0);
}

}  // namespace
}  // namespace desa2va
