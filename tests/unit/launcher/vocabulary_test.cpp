#include "launcher/run/vocabulary.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "common/datasets/sample.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/storage/shards/shard_writer.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;

class Vocabulary : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("d2-vocabulary-" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    shards::WriterOptions options;
    options.dataset = "llava";
    auto writer = shards::ShardWriter::create(root_ / "talk", options);
    ASSERT_TRUE(writer) << writer.error().message();
    datasets::Sample sample;
    sample.dataset = "llava";
    sample.split = "train";
    sample.id = "1";
    for (int i = 0; i < 4; ++i)
      sample.turns.push_back({"where is the zebra", "the zebra is there"});
    shards::SampleRecord record;
    record.key = "llava/train/1";
    record.payload = datasets::encode_sample(sample);
    ASSERT_TRUE(writer->sample(record, {}));
    ASSERT_TRUE(writer->finish());
  }
  void TearDown() override { fs::remove_all(root_); }

  config::DataConfig data() const {
    config::DataConfig data;
    data.shards = root_.string();
    data.vocabulary = 300;
    data.mixture.resize(1);
    data.mixture[0].name = "talk";
    return data;
  }
  static std::string text_of(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path root_;
};

TEST_F(Vocabulary, FrequentWordsBecomeOneToken) {
  const auto learnt = learn_vocabulary(data(), root_ / "tokenizer");
  ASSERT_TRUE(learnt) << learnt.error().message();
  const auto tokenizer = text::Tokenizer::load(root_ / "tokenizer");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->encode(" zebra").size(), 1U);
  EXPECT_GT(tokenizer->encode(" giraffe").size(), 1U);
  EXPECT_TRUE(tokenizer->id_of("[SEG]").has_value());
}

TEST_F(Vocabulary, EqualShardsGiveEqualFiles) {
  ASSERT_TRUE(learn_vocabulary(data(), root_ / "a"));
  ASSERT_TRUE(learn_vocabulary(data(), root_ / "b"));
  EXPECT_FALSE(text_of(root_ / "a" / "vocab.json").empty());
  EXPECT_EQ(text_of(root_ / "a" / "vocab.json"), text_of(root_ / "b" / "vocab.json"));
  EXPECT_EQ(text_of(root_ / "a" / "merges.txt"), text_of(root_ / "b" / "merges.txt"));
}

TEST_F(Vocabulary, AMissingDataSetIsAnError) {
  config::DataConfig missing = data();
  missing.mixture[0].name = "gone";
  EXPECT_FALSE(learn_vocabulary(missing, root_ / "tokenizer"));
}

}  // namespace
}  // namespace desa2va::launcher
