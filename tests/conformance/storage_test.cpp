#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/storage/checkpoint/compare.h"
#include "common/storage/shards/shard_reader.h"
#include "common/storage/shards/verify.h"
#include "tests/support/temp_dir.h"

namespace desa2va {
namespace {

// A copy, so that no test can touch the originals.
class StoredFiles : public ::testing::Test {
 protected:
  StoredFiles() {
    const char* source = std::getenv("DESA2VA_SOURCE_DIR");
    if (source == nullptr) throw std::runtime_error("DESA2VA_SOURCE_DIR is not set; run by ctest");
    std::filesystem::copy(std::filesystem::path(source) / "tests/conformance/stored", dir_.path(),
                          std::filesystem::copy_options::recursive);
  }
  test::TempDir dir_;
};

TEST_F(StoredFiles, DatasetOfVersion1ReadsAsItWasWritten) {
  const auto reader = shards::ShardReader::open(dir_ / "demo");
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->catalog().dataset, "demo");
  EXPECT_EQ(reader->catalog().kind, "llava");
  EXPECT_EQ(reader->usable(), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(reader->cost(0).frames, 1);
  EXPECT_EQ(reader->cost(0).tokens, -1);
  EXPECT_EQ(reader->cost(0).text_bytes, 12);
  const auto sample = reader->sample(0);
  ASSERT_TRUE(sample) << sample.error().message();
  EXPECT_EQ(sample->key, "demo/train/0");
  EXPECT_EQ(as_text(sample->payload.bytes()), "payload!");
  ASSERT_EQ(sample->media.size(), 1U);
  EXPECT_EQ(sample->media[0].hex(), "1b61cd3535181a36ef085952c4b32bce");
  const auto medium = reader->media(sample->media[0]);
  ASSERT_TRUE(medium) << medium.error().message();
  EXPECT_EQ(as_text(medium->bytes()), "not really a JPEG");
  EXPECT_TRUE(shards::verify(dir_ / "demo")->defects.empty());
}

TEST_F(StoredFiles, CheckpointOfVersion1ReadsAsItWasWritten) {
  const auto catalog = checkpoint::Catalog::open_read_only(dir_ / "store");
  ASSERT_TRUE(catalog) << catalog.error().message();
  const auto manifest = catalog->load(12);
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->phase, Phase::C);
  EXPECT_EQ(manifest->position, 16U);
  EXPECT_EQ(manifest->facts.at("seed"), "42");
  EXPECT_EQ(manifest->config, "run: {seed: 42}\n");
  EXPECT_EQ(manifest->blobs.at("sam2/counters"), "7");
  ASSERT_EQ(manifest->tensors.size(), 1U);
  EXPECT_EQ(manifest->tensors[0].hash().hex(), "22f9f05544bb8065da5bf39245eec019");
  const auto reader = checkpoint::CheckpointReader::open(dir_ / "store", *manifest);
  ASSERT_TRUE(reader) << reader.error().message();
  const auto tensor = reader->read("sam2/w");
  ASSERT_TRUE(tensor) << tensor.error().message();
  EXPECT_EQ(tensor->shape, (std::vector<std::int64_t>{2, 3}));
  const auto values = tensor->values<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()),
            (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(checkpoint::verify(dir_ / "store")->defects.empty());
}

TEST_F(StoredFiles, CheckpointOfVersion1CanBeContinued) {
  auto catalog = checkpoint::Catalog::open(dir_ / "store");
  ASSERT_TRUE(catalog) << catalog.error().message();
  auto manifest = *catalog->load(12);
  manifest.step = 13;
  ASSERT_TRUE(catalog->commit(manifest));
  EXPECT_EQ(*catalog->steps(), (std::vector<std::uint64_t>{12, 13}));
}

}  // namespace
}  // namespace desa2va
