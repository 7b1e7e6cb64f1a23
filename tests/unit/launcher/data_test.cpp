#include "launcher/run/data.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace desa2va::launcher
