#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/config/config.h"
#include "common/datasets/shard_import.h"
#include "common/synth/synth.h"

// A handful of synthetic scenes in shards, made once for all tests of the stage.
namespace desa2va::data::test {

namespace fs = std::filesystem;

class DataFixture : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    synth::SynthRecipe recipe;
    recipe.train_images = 12;
    recipe.train_videos = 3;
    recipe.heldout_images = 2;
    recipe.heldout_videos = 1;
    recipe.qa_images = 5;
    const auto made = synth::make(recipe, folder() / "synth");
    ASSERT_TRUE(made) << made.error().message();
    fs::create_directories(shards());
    fs::copy(made->tokenizer(), shards() / "tokenizer", fs::copy_options::recursive);
    import("refcoco", "images", made->train());
    import("refsav", "videos", made->train());
    import("llava", "answers", made->train());
  }
  static void TearDownTestSuite() { fs::remove_all(folder()); }

  static fs::path folder() {
    return fs::temp_directory_path() / ("desa2va_data_" + std::to_string(getpid()));
  }
  static fs::path shards() { return folder() / "shards"; }

  static void import(const std::string& dataset, const std::string& name, const fs::path& root) {
    datasets::ShardImport job;
    job.dataset = dataset;
    job.request = {root, {"train"}};
    if (dataset == "llava") job.request.splits.clear();
    job.out = shards() / name;
    const auto catalog = datasets::import_to_shards(job);
    ASSERT_TRUE(catalog) << catalog.error().message();
  }

  static config::Config config() {
    config::Config config;
    config.data.shards = shards().string();
    config.data.mixture = {member("images", 2), member("videos", 1), member("answers", 1)};
    config.data.batch = 3;
    config.data.frames_per_sample = 4;
    config.train.micro_batches = 2;
    config.train.accumulation = 2;
    config.phase_a.images = 4;
    config.model.vit.image_size = 56;
    config.model.vit.max_tiles = 1;
    config.model.vit.use_thumbnail = false;
    config.model.llm.vocab_size = 1024;
    config.model.sam2.image_size = 64;
    return config;
  }
  static config::DatasetConfig member(const std::string& name, std::int64_t repeats) {
    config::DatasetConfig dataset;
    dataset.name = name;
    dataset.split = "";
    dataset.repeats = repeats;
    return dataset;
  }
};

}  // namespace desa2va::data::test
