#include "common/datasets/shard_import.h"

#include <fstream>

#include <gtest/gtest.h>

#include "common/datasets/frame_index.h"
#include "common/storage/shards/shard_reader.h"
#include "tests/support/temp_dir.h"

namespace desa2va::datasets {
namespace {

using desa2va::test::TempDir;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

MediaItem item(std::string_view bytes, bool video) {
  MediaItem item;
  item.bytes = Buffer::copy_of(as_bytes(bytes));
  item.hash = content_hash(item.bytes.bytes());
  item.path = "a/b";
  if (video) {
    item.kind = MediaKind::Video;
    item.video.emplace();
    item.video->index.packets = 2;
    item.video->index.frames.resize(1);
  }
  return item;
}

Sample sample(const std::string& id, std::vector<ContentHash> media) {
  Sample sample;
  sample.dataset = "llava";
  sample.split = "train";
  sample.id = id;
  sample.turns = {{"what?", "that."}, {"where?", "there."}};
  for (const auto& hash : media) {
    MediaRef ref;
    ref.hash = hash;
    ref.width = 4;
    ref.height = 3;
    sample.media.push_back(ref);
  }
  return sample;
}

TEST(ShardSink, FillsShardsWithMediaFrameIndexSamplesAndFacts) {
  const TempDir dir;
  auto writer = must(shards::ShardWriter::create(dir / "d", {}));
  ImportProgress seen;
  ShardSink sink(writer, {[&](const ImportProgress& progress) { seen = progress; }});
  const auto picture = item("picture", false);
  const auto video = item("video", true);
  ASSERT_TRUE(sink.media(picture));
  ASSERT_TRUE(sink.media(video));
  ASSERT_TRUE(sink.media(picture));
  ASSERT_TRUE(sink.sample(sample("0", {picture.hash})));
  auto broken = sample("1", {video.hash, ContentHash{}});
  broken.status = SampleStatus::Broken;
  broken.reason = "missing file";
  ASSERT_TRUE(sink.sample(broken));
  SplitInfo info;
  info.split = "train";
  info.samples = 2;
  info.source = "{}";
  ASSERT_TRUE(sink.split_done(info));
  const auto catalog = must(writer.finish());
  sink.advance(1);
  EXPECT_EQ(seen.samples, 2U);
  EXPECT_EQ(seen.broken, 1U);
  EXPECT_EQ(catalog.media, 2U);
  EXPECT_EQ(catalog.facts.at("split/train"), "2 samples, 0 expressions");
  ASSERT_EQ(catalog.broken.size(), 1U);
  EXPECT_EQ(catalog.broken[0].reason, "missing file");

  const auto reader = must(shards::ShardReader::open(dir / "d"));
  const auto back = must(decode_sample(must(reader.sample(0)).payload.bytes()));
  EXPECT_EQ(back.id, "0");
  EXPECT_EQ(reader.cost(0).objects, 2);
  EXPECT_EQ(reader.cost(0).text_bytes, 5 + 5 + 6 + 6);
  EXPECT_EQ(reader.cost(0).pixels, 12);
  EXPECT_EQ(must(reader.sample(1)).media, (std::vector<ContentHash>{video.hash}));
  const auto index = must(reader.frame_index(video.hash));
  ASSERT_TRUE(index);
  EXPECT_EQ(must(decode_frame_index(index->bytes())).packets, 2U);
}

TEST(ShardSink, RefusesAMediumWhoseHashIsNotItsContents) {
  const TempDir dir;
  auto writer = must(shards::ShardWriter::create(dir / "d", {}));
  ShardSink sink(writer);
  auto wrong = item("picture", false);
  wrong.hash.low ^= 1;
  EXPECT_EQ(sink.media(wrong).error().code(), Errc::Internal);
}

TEST(ImportToShards, UnknownSetNamesThoseThereAre) {
  const TempDir dir;
  ShardImport job;
  job.dataset = "imagenet";
  job.out = dir / "d";
  const auto result = import_to_shards(job);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::InvalidArgument);
  EXPECT_NE(result.error().message().find("mevis"), std::string::npos) << result.error().message();
}

TEST(ImportToShards, RootWithoutTheSetIsNotFoundAndMakesNothing) {
  const TempDir dir;
  ShardImport job;
  job.dataset = "mevis";
  job.request.root = dir.path();
  job.out = dir / "d";
  EXPECT_EQ(import_to_shards(job).error().code(), Errc::NotFound);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(FindDatasets, TakesADatasetItselfOrThoseOneFolderBelow) {
  const TempDir dir;
  EXPECT_EQ(find_datasets(dir.path()).error().code(), Errc::NotFound);
  for (const auto* name : {"b", "a", ".hidden"})
    must(must(shards::ShardWriter::create(dir / name, {})).finish());
  EXPECT_EQ(must(find_datasets(dir.path())), (std::vector{dir / "a", dir / "b"}));
  EXPECT_EQ(must(find_datasets(dir / "a")), (std::vector{dir / "a"}));
}

}  // namespace
}  // namespace desa2va::datasets
