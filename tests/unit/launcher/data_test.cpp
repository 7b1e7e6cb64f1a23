#include "launcher/run/data.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file_lock.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::vector<std::string> kFewScenes = {
    "data.recipe.kind=shapes",
    "data.recipe.train_images=3",
    "data.recipe.train_videos=1",
    "data.recipe.qa_images=2",
    "data.recipe.heldout_images=1",
    "data.recipe.heldout_videos=1",
    "data.mixture=[{name: pictures, importer: refcoco, path: train, split: train}]"};

class PrepareData : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("d2-data-" + std::to_string(::getpid()));
    fs::create_directories(root_ / "shards" / "here");
    std::ofstream(root_ / "shards" / "here" / "catalog.json") << "{}";
    fs::create_directories(root_ / "shards" / "tokenizer");
    std::ofstream(root_ / "shards" / "tokenizer" / "vocab.json") << "{}";
  }
  void TearDown() override { fs::remove_all(root_); }

  Result<void> prepare(const std::vector<std::string>& overrides) {
    auto loaded = config::load_text("", "f.yaml", overrides, root_.string());
    EXPECT_TRUE(loaded) << loaded.error().message();
    return prepare_data(*loaded, (root_ / "cache").string(), [](const std::string&) {});
  }
  std::string refused(const std::vector<std::string>& overrides) {
    const auto result = prepare(overrides);
    if (result) return "no error";
    EXPECT_EQ(result.error().exit_code(), static_cast<int>(ExitCode::Usage));
    return result.error().message();
  }
  fs::path root_;
};

TEST_F(PrepareData, WhatIsThereIsEnough) {
  EXPECT_EQ(refused({"data.shards=shards", "data.mixture=[{name: here}]"}), "no error");
}

TEST_F(PrepareData, NothingToTrainOnIsAnError) {
  EXPECT_THAT(refused({"data.shards=shards"}), HasSubstr("data.mixture: is empty"));
  EXPECT_THAT(refused({"data.mixture=[{name: here}]"}), HasSubstr("data.shards: not set"));
}

TEST_F(PrepareData, AMissingSetWithoutAnImporterIsNamed) {
  EXPECT_THAT(refused({"data.shards=shards", "data.mixture=[{name: here}, {name: gone}]"}),
              HasSubstr("has no data set gone"));
  EXPECT_THAT(refused({"data.shards=shards", "data.mixture=[{name: here}]",
                       "eval.mixture=[{name: held_out}]"}),
              HasSubstr("has no data set held_out"));
}

TEST_F(PrepareData, AMissingPathIsNamed) {
  EXPECT_THAT(refused({"data.shards=shards",
                       "data.mixture=[{name: gone, importer: mevis, path: nowhere}]"}),
              HasSubstr("nowhere is not there"));
}

TEST_F(PrepareData, AMissingTokenizerIsNamed) {
  fs::remove_all(root_ / "shards" / "tokenizer");
  EXPECT_THAT(refused({"data.shards=shards", "data.mixture=[{name: here}]"}),
              HasSubstr("no vocab.json in"));
}

TEST_F(PrepareData, ANameIsNoPath) {
  EXPECT_THAT(refused({"data.shards=shards", "data.mixture=[{name: ../here}]"}),
              HasSubstr("is no name of a data set"));
}

TEST_F(PrepareData, ARecipesFieldsAreCheckedWithTheirOrigin) {
  EXPECT_THAT(refused({"data.recipe.kind=shapes", "data.recipe.no_such=1",
                       "data.mixture=[{name: a, importer: refcoco, path: train}]"}),
              HasSubstr("command line: data.recipe.no_such"));
}

TEST_F(PrepareData, ShardsOfAnotherRecipeAreRefused) {
  std::ofstream(root_ / "shards" / "recipe.hash") << "0123\n";
  EXPECT_THAT(
      refused({"data.shards=shards", "data.recipe.kind=shapes", "data.mixture=[{name: here}]"}),
      HasSubstr("was made by another recipe"));
}

// Two launchers as two threads: the lock is one of open files, not of processes.
TEST_F(PrepareData, OfTwoLaunchersOneMakesTheDataAndTheOtherWaits) {
  std::vector<std::string> failures(2);
  std::atomic<int> imports = 0;
  {
    std::vector<std::jthread> launchers;
    for (auto& failure : failures) {
      launchers.emplace_back([&] {
        auto loaded = config::load_text("", "f.yaml", kFewScenes, root_.string());
        if (!loaded) {
          failure = loaded.error().message();
          return;
        }
        const auto done = prepare_data(
            *loaded, (root_ / "cache").string(),
            [&](const std::string& line) { imports += line.starts_with("imported ") ? 1 : 0; });
        if (!done) failure = done.error().message();
      });
    }
  }
  EXPECT_THAT(failures, ::testing::Each(""));
  EXPECT_EQ(imports, 1);
}

TEST_F(PrepareData, AStopEndsTheWaiting) {
  const auto held = FileLock::acquire(root_ / ".shards.lock", [](int) { return false; });
  ASSERT_TRUE(held);
  fs::remove_all(root_ / "shards" / "tokenizer");
  auto loaded = config::load_text(
      "", "f.yaml", {"data.shards=shards", "data.mixture=[{name: here}]"}, root_.string());
  ASSERT_TRUE(loaded);
  std::string said;
  const auto done = prepare_data(
      *loaded, (root_ / "cache").string(), [&](const std::string& line) { said = line; },
      [] { return true; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::Cancelled);
  EXPECT_THAT(said, HasSubstr(std::to_string(::getpid())));
}

// Stopped at every moment once: the first look, while scenes are made, while they are imported.
TEST_F(PrepareData, AStopEndsTheMakingAndTheNextTimeMakesItWhole) {
  int looks = 0;
  Result<void> done;
  for (int patience = 0; patience < 20; ++patience) {
    auto loaded = config::load_text("", "f.yaml", kFewScenes, root_.string());
    ASSERT_TRUE(loaded);
    looks = 0;
    done = prepare_data(
        *loaded, (root_ / "cache").string(), [](const std::string&) {},
        [&] { return ++looks > patience; });
    if (done) break;
    EXPECT_EQ(done.error().code(), Errc::Cancelled) << done.error().message();
    EXPECT_FALSE(fs::exists(fs::path(loaded->config.data.shards) / "pictures"));
  }
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_GE(looks, 3);  // the samples of the import that was let through; its scenes were there
}

}  // namespace
}  // namespace desa2va::launcher
