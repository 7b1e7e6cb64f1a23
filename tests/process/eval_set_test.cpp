#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "common/base/file_lock.h"
#include "common/preprocess/image/decode.h"
#include "tests/process/eval_tree.h"

// `desa2va eval MODEL --set NAME` with a model of 12 steps: what it answers does not matter; that
// every query is asked once, whoever asks it, and scored as `eval --score` scores it, does.
namespace desa2va::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string desa2va() {
  return (programs() / "desa2va").string();
}

// What an evaluation leaves that may not depend on who worked on it.
std::map<std::string, std::string> results_in(const fs::path& out) {
  std::map<std::string, std::string> all = {{"scores", read_file(out / "scores.json")},
                                            {"results", read_file(out / "results.json")}};
  for (const char* folder : {"worst", "Annotations"}) {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(out / folder, none))
      if (entry.is_regular_file())
        all[fs::relative(entry.path(), out).string()] = read_file(entry.path());
  }
  return all;
}

std::size_t records_in(const fs::path& out) {
  std::size_t lines = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(out, none)) {
    if (!entry.path().filename().string().starts_with("records-")) continue;
    const std::string text = read_file(entry.path());
    lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  return lines;
}

class EvalSet : public ::testing::Test {
 protected:
  static fs::path run() { return data_folder() / "run"; }
  static fs::path tree() { return data_folder() / "tree"; }
  static fs::path shards() { return data_folder() / "sets"; }

  static void SetUpTestSuite() {
    ASSERT_TRUE(runs(run()));
    write_mevis(tree());
    write_gcg(tree());
    write_seed(tree());
    for (const char* set : {"mevis", "gcg", "seed"}) {
      const Said said = say({desa2va(), "shards", "import", set, tree().string(),
                             (shards() / set).string(), "--quiet"});
      ASSERT_EQ(said.code, 0) << said.err;
    }
  }

  static std::vector<std::string> words(const std::string& set, const fs::path& out,
                                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {
        desa2va(),          "eval", run().string(), "--set", set, "--out", out.string(),
        "--max-new-tokens", "12",   "--threads",    "1"};
    const auto has = [&](const char* word) { return std::ranges::find(more, word) != more.end(); };
    if (!has("--shards")) all.insert(all.end(), {"--shards", shards().string()});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static json scores(const std::string& set, const fs::path& out,
                     const std::vector<std::string>& more = {}) {
    auto all = words(set, out, more);
    all.emplace_back("--json");
    const Said said = say(all);
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(said.out, read_file(out / "scores.json"));
    return json::parse(said.out, nullptr, false);
  }

  // `eval --score` of the results that the evaluation wrote.
  static json rescored(const std::string& metric, const fs::path& out, const fs::path& truth) {
    const Said said =
        say({desa2va(), "eval", "--score", metric, "--predictions", (out / "results.json").string(),
             "--truth", (tree() / truth).string(), "--json"});
    EXPECT_EQ(said.code, 0) << said.err;
    return json::parse(said.out, nullptr, false);
  }
};

TEST_F(EvalSet, MevisIsScoredAsItsResultsInFilesAre) {
  const fs::path out = fresh("mevis");
  const json document = scores("mevis", out);
  EXPECT_EQ(document.at("queries"), 6);
  EXPECT_EQ(document.at("split"), "valid_u");
  EXPECT_EQ(document.at("step"), 12);
  const json again = rescored("jf", out, "video_datas/mevis/valid_u");
  for (const char* score : {"J_mean", "F_mean", "JF"})
    EXPECT_DOUBLE_EQ(document.at(score).get<double>(), again.at(score).get<double>()) << score;
  std::size_t drawings = 0;
  for (const auto& entry : fs::directory_iterator(out / "worst")) {
    const auto image =
        preprocess::decode_image(Buffer::copy_of(as_bytes(read_file(entry.path()))).bytes());
    ASSERT_TRUE(image);
    EXPECT_GT(image->width, 3 * kSceneWidth);
    ++drawings;
  }
  EXPECT_EQ(drawings, 6U);
}

TEST_F(EvalSet, VideosAreMaskedAsTheCommandLineSays) {
  const fs::path out = fresh("consistent");
  const std::vector<std::string> how = {"--video-mode", "consistent",    "--sam2-original",
                                        run().string(), "--mllm-frames", "uniform5"};
  const json document = scores("mevis", out, how);
  EXPECT_EQ(document.at("video_mode"), "consistent");
  EXPECT_EQ(document.at("mllm_frames"), "uniform5");
  EXPECT_EQ(document.at("queries"), 6);
  EXPECT_EQ(records_in(out), 6U);
  const json again = rescored("jf", out, "video_datas/mevis/valid_u");
  EXPECT_DOUBLE_EQ(document.at("JF").get<double>(), again.at("JF").get<double>());
  const Said other = say(words("mevis", out));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("video_mode = \"consistent\""));
}

TEST_F(EvalSet, CaptionsWithMasksAreScoredAsTheirResultsInFilesAre) {
  const fs::path out = fresh("gcg");
  const json document = scores("gcg", out);
  EXPECT_EQ(document.at("text_similarity"), "embed");
  EXPECT_TRUE(document.at("captions").contains("CIDEr"));
  const json again = rescored("gcg", out, "glamm_data/annotations/gcg_val_test");
  for (const char* score : {"AP50", "mIoU"})
    EXPECT_DOUBLE_EQ(document.at(score).get<double>(), again.at(score).get<double>()) << score;
  const Said table = say(words("gcg", out));
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.err, HasSubstr("CIDEr"));
  EXPECT_THAT(table.err, HasSubstr("3 of 3 queries answered"));
}

TEST_F(EvalSet, QuestionsAreScoredAsTheirAnswersInFilesAre) {
  const fs::path out = fresh("seed");
  const json document = scores("seed", out, {"--replicas", "2"});
  EXPECT_EQ(document.at("questions"), 4);
  const json again = rescored("choice", out, "seed_bench/SEED-Bench.json");
  for (const char* score : {"correct", "without_option", "accuracy", "by"})
    EXPECT_EQ(document.at(score), again.at(score)) << score;
}

TEST_F(EvalSet, ReplicasAndAKillChangeNothing) {
  const fs::path whole = fresh("whole");
  const fs::path killed = fresh("killed");
  scores("mevis", whole, {"--worst", "4"});

  const pid_t pid = start(words("mevis", killed, {"--worst", "4"}), data_folder() / "killed.txt");
  using namespace std::chrono_literals;
  for (int i = 0; i < 6000 && records_in(killed) == 0; ++i) std::this_thread::sleep_for(10ms);
  ::kill(pid, SIGKILL);
  wait_for(pid);
  const std::size_t before = records_in(killed);
  EXPECT_GE(before, 1U);
  scores("mevis", killed, {"--worst", "4", "--replicas", "2"});
  EXPECT_EQ(records_in(killed), 6U);  // none was asked twice
  const auto left = results_in(whole);
  EXPECT_EQ(left.size(), 2U + 4U);
  EXPECT_EQ(left, results_in(killed));
}

TEST_F(EvalSet, ASplitWithoutTruthIsWrittenForTheServer) {
  const fs::path out = fresh("server");
  const Said said = say(words("mevis", out, {"--split", "valid", "--samples", "1"}));
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.err, HasSubstr("Annotations/"));
  const auto mask = preprocess::decode_image(
      Buffer::copy_of(as_bytes(read_file(out / "Annotations/video0/1/00020.png"))).bytes());
  ASSERT_TRUE(mask);
  EXPECT_EQ(mask->width, kSceneWidth);
}

TEST_F(EvalSet, BadInputIsNamedWithItsExitCode) {
  const fs::path out = fresh("bad");
  struct Case {
    std::string set;
    std::vector<std::string> more;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"nosuch", {}, 2, "no evaluation set 'nosuch'"},
      {"mevis", {"--shards", (data_folder() / "nowhere").string()}, 2, "nowhere"},
      {"mevis", {"--shards", (shards() / "gcg").string()}, 2, "`desa2va shards import mevis`"},
      {"mevis", {"--split", "train"}, 2, "the shards hold valid, valid_u"},
      {"mevis", {"--branch", "best"}, 2, "visual, text, fused, reprompted"},
      {"mevis", {"--text-sim", "words"}, 2, "--set gcg"},
      {"mevis", {"--samples", "0"}, 2, "--samples"},
      {"mevis", {"--video-mode", "fast"}, 2, "--video-mode"},
      {"mevis", {"--video-mode", "consistent"}, 2, "--sam2-original"},
  };
  for (const Case& one : cases) {
    const Said said = say(words(one.set, out, one.more));
    EXPECT_EQ(said.code, one.code) << said.err;
    EXPECT_THAT(said.err, HasSubstr(one.says));
  }
  {
    const auto running = FileLock::acquire(out / "evaluation.lock", [](int) { return false; });
    ASSERT_TRUE(running) << running.error().message();
    const Said second = say(words("mevis", out));
    EXPECT_EQ(second.code, 2);
    EXPECT_THAT(second.err, HasSubstr(std::to_string(::getpid()) + " is running there"));
  }
  const Said stranger = say({desa2va(), "eval", tree().string(), "--set", "mevis"});
  EXPECT_EQ(stranger.code, 2);
  EXPECT_THAT(stranger.err, HasSubstr("config.yaml"));

  // None of these has left anything that stands in the way of the right command.
  scores("mevis", out, {"--samples", "1"});
  const Said other = say(words("gcg", out));
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("--restart"));
}

}  // namespace
}  // namespace desa2va::test
