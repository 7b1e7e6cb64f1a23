#include "common/synth/synth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "common/datasets/importer.h"
#include "common/preprocess/text/tokenizer.h"

namespace desa2va::synth {
namespace {

namespace fs = std::filesystem;

struct SynthTest : ::testing::Test {
  fs::path folder = fs::temp_directory_path() / ("desa2va_synth_" + std::to_string(getpid()));
  SynthRecipe recipe;

  SynthTest() {
    recipe.train_images = 4;
    recipe.train_videos = 2;
    recipe.heldout_images = 2;
    recipe.heldout_videos = 1;
    recipe.qa_images = 3;
    recipe.annotated_frames = 4;
    fs::create_directories(folder);
  }
  ~SynthTest() override { fs::remove_all(folder); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
};

struct Collected : datasets::ImportSink {
  std::vector<datasets::Sample> samples;
  int media_items = 0;
  Result<void> media(const datasets::MediaItem&) override {
    ++media_items;
    return {};
  }
  Result<void> sample(const datasets::Sample& sample) override {
    samples.push_back(sample);
    return {};
  }
  Result<void> split_done(const datasets::SplitInfo&) override { return {}; }
};

Collected import(std::string_view dataset, const fs::path& root) {
  Collected collected;
  const auto* importer = datasets::find_importer(dataset);
  EXPECT_NE(importer, nullptr);
  const auto done = importer->run({root, {}}, collected);
  EXPECT_TRUE(done) << done.error().message();
  return collected;
}

TEST_F(SynthTest, EqualRecipesMakeEqualFiles) {
  const auto a = make(recipe, folder / "a");
  const auto b = make(recipe, folder / "b");
  ASSERT_TRUE(a) << a.error().message();
  ASSERT_TRUE(b) << b.error().message();
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(a->root)) {
    if (!entry.is_regular_file()) continue;
    const fs::path other = b->root / fs::relative(entry.path(), a->root);
    ASSERT_TRUE(fs::exists(other)) << other;
    ASSERT_EQ(read(entry.path()), read(other)) << other;
    ++files;
  }
  EXPECT_GT(files, 20);
}

TEST_F(SynthTest, ImagesAreReadByTheRefCocoImporterWithTheirMasks) {
  const auto paths = make(recipe, folder / "a");
  ASSERT_TRUE(paths) << paths.error().message();
  const Collected train = import("refcoco", paths->train());
  ASSERT_EQ(train.samples.size(), 4U);
  EXPECT_EQ(train.media_items, 4);
  const auto needs = Needs::load(paths->needs());
  ASSERT_TRUE(needs) << needs.error().message();
  for (const datasets::Sample& sample : train.samples) {
    EXPECT_EQ(sample.status, datasets::SampleStatus::Ok) << sample.reason;
    EXPECT_EQ(sample.split, "train");
    EXPECT_GE(sample.expressions.size(), 3U);
    for (const datasets::Expression& expression : sample.expressions) {
      ASSERT_EQ(expression.masks.size(), 1U);
      EXPECT_EQ(expression.masks[0].width, recipe.image_size);
      for (const std::string& text : expression.texts) {
        EXPECT_TRUE(needs->find("refcoco", sample.id, text)) << sample.id << " " << text;
      }
    }
  }
  const Collected heldout = import("refcoco", paths->heldout());
  ASSERT_EQ(heldout.samples.size(), 2U);
  EXPECT_EQ(heldout.samples[0].split, "val");
}

TEST_F(SynthTest, VideosAreReadByTheRefSavImporterWithAMaskForEveryFourthFrame) {
  const auto paths = make(recipe, folder / "a");
  ASSERT_TRUE(paths) << paths.error().message();
  const Collected train = import("refsav", paths->train());
  ASSERT_EQ(train.samples.size(), 2U);
  const auto needs = Needs::load(paths->needs());
  ASSERT_TRUE(needs);
  for (const datasets::Sample& sample : train.samples) {
    EXPECT_EQ(sample.status, datasets::SampleStatus::Ok) << sample.reason;
    EXPECT_EQ(sample.frames, (std::vector<std::uint32_t>{0, 4, 8, 12}));
    for (const datasets::Expression& expression : sample.expressions) {
      EXPECT_EQ(expression.masks.size(), 4U);
      EXPECT_TRUE(needs->find("refsav", sample.id, expression.texts[0]));
    }
  }
  EXPECT_EQ(import("refsav", paths->heldout()).samples.size(), 1U);
}

TEST_F(SynthTest, QuestionsAreReadByTheLlavaImporter) {
  const auto paths = make(recipe, folder / "a");
  ASSERT_TRUE(paths) << paths.error().message();
  const Collected train = import("llava", paths->train());
  ASSERT_EQ(train.samples.size(), 3U);
  for (const datasets::Sample& sample : train.samples) {
    EXPECT_EQ(sample.status, datasets::SampleStatus::Ok) << sample.reason;
    EXPECT_EQ(sample.turns.size(), 3U);
  }
}

TEST_F(SynthTest, TheVocabularyKnowsTheWordsAsWholeTokens) {
  recipe.train_images = 60;
  const auto paths = make(recipe, folder / "a");
  ASSERT_TRUE(paths) << paths.error().message();
  const auto tokenizer = text::Tokenizer::load(paths->tokenizer());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  for (const char* word : {" red", " ring", " small", " left", " [SEG]"}) {
    EXPECT_LE(tokenizer->encode(word).size(), 2U) << word;
  }
  EXPECT_EQ(tokenizer->encode(" triangle").size(), 1U);
}

TEST_F(SynthTest, EnsureMakesOnceAndThenFinds) {
  int scenes = 0;
  const auto count = [&](int, int) { return ++scenes > 0; };
  const auto first = ensure(recipe, folder, count);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(scenes, 9);
  const auto second = ensure(recipe, folder, count);
  ASSERT_TRUE(second);
  EXPECT_EQ(scenes, 9);
  EXPECT_EQ(first->root, second->root);
  recipe.seed = 7;
  const auto other = ensure(recipe, folder, count);
  ASSERT_TRUE(other);
  EXPECT_NE(first->root, other->root);
}

TEST_F(SynthTest, AStopLeavesNothingBehind) {
  const auto stopped = ensure(recipe, folder, [](int done, int) { return done < 3; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Errc::Cancelled);
  EXPECT_TRUE(fs::is_empty(folder));
  const auto made = ensure(recipe, folder);
  EXPECT_TRUE(made) << made.error().message();
}

TEST_F(SynthTest, OfManyAtOnceOneMakesItAndTheOthersWait) {
  std::atomic<int> scenes = 0, failures = 0;
  std::vector<std::jthread> makers;
  for (int i = 0; i < 3; ++i) {
    makers.emplace_back([&] {
      if (!ensure(recipe, folder, [&](int, int) { return ++scenes > 0; })) ++failures;
    });
  }
  makers.clear();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(scenes, 9);
}

TEST_F(SynthTest, AFolderThatIsNotWhatItsNameSaysIsNamed) {
  const auto paths = ensure(recipe, folder);
  ASSERT_TRUE(paths);
  std::ofstream(paths->marker()) << "something else";
  const auto again = ensure(recipe, folder);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::Corrupt);
  EXPECT_NE(again.error().message().find(paths->root.string()), std::string::npos);
}

TEST_F(SynthTest, AFailureLeavesNothingBehind) {
  std::ofstream(folder / "file") << "x";
  const auto made = make(recipe, folder / "file" / "under");
  EXPECT_FALSE(made);
  fs::remove(folder / "file");
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_FALSE(make(recipe, folder));  // exists already
}

}  // namespace
}  // namespace desa2va::synth
