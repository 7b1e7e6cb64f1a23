#include <algorithm>

#include "common/preprocess/image/encode.h"
#include "common/preprocess/masks/rle.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/preprocess/video/encode.h"
#include "common/storage/shards/shard_writer.h"
#include "data_fixture.h"
#include "services/data/stage.h"

namespace desa2va::data {
namespace {

using datasets::Sample;
using preprocess::Image;
using KindsTest = test::DataFixture;

Image grey(int level) {
  Image image = Image::allocate(64, 64);
  std::fill(image.mutable_pixels().begin(), image.mutable_pixels().end(),
            static_cast<std::uint8_t>(level));
  return image;
}

// A data set of one sample, whose media are these bytes.
void write_one(const std::filesystem::path& dir, Sample sample, ByteSpan media,
               datasets::MediaKind kind) {
  shards::WriterOptions options;
  options.dataset = sample.dataset;
  options.kind = sample.dataset;
  options.created_by = "test";
  auto writer = shards::ShardWriter::create(dir, options);
  ASSERT_TRUE(writer) << writer.error().message();
  const auto hash = writer->media(media);
  ASSERT_TRUE(hash);
  if (sample.split.empty()) sample.split = "train";
  sample.id = "1";
  sample.media = {{*hash, kind, "file", 64, 64, 0}};
  ASSERT_TRUE(writer->sample({describe(sample), {*hash}, "", datasets::encode_sample(sample)}, {}));
  ASSERT_TRUE(writer->finish());
}

config::Config only(const std::string& name) {
  config::Config config = KindsTest::config();
  config.data.mixture = {KindsTest::member(name, 1)};
  config.data.batch = 1;
  return config;
}

TEST_F(KindsTest, AVideoConversationShowsOneFrameOfEachPartInOrder) {
  std::vector<Image> frames;
  for (int i = 0; i < 12; ++i) frames.push_back(grey(20 + 15 * i));
  const auto mp4 = preprocess::encode_mp4(frames);
  ASSERT_TRUE(mp4) << mp4.error().message();
  Sample sample;
  sample.dataset = "chat_univi";
  sample.kind = datasets::SampleKind::VideoQa;
  sample.turns = {{"<image>\nWhat happens?", "It becomes light."}, {"Why?", "Who knows."}};
  write_one(shards() / "talks", sample, mp4->bytes(), datasets::MediaKind::Video);

  auto stage = DataStage::open(only("talks"));
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_EQ(made->batch.tiles.shape[0], 4);
  EXPECT_EQ(made->frames.frames.shape[0], 0);
  const auto pixels = made->batch.tiles.values<std::uint8_t>();
  for (std::size_t part = 0; part < 4; ++part) {
    const double frame = (pixels[part * 3 * 56 * 56] - 20) / 15.0;  // which of the 12 it is
    EXPECT_GT(frame, 3.0 * static_cast<double>(part) - 0.5);
    EXPECT_LT(frame, 3.0 * static_cast<double>(part) + 2.5);
  }
}

TEST_F(KindsTest, AGroundedCaptionHasOneSegAPhrase) {
  const auto png = preprocess::encode_png(grey(100));
  ASSERT_TRUE(png);
  Sample sample;
  sample.dataset = "gcg";
  sample.kind = datasets::SampleKind::Gcg;
  sample.caption = "a dog on a mat";
  sample.turns = {{"", "<p> a dog </p> [SEG] on <p> a mat </p> [SEG]"}};
  for (const int column : {3, 40}) {
    preprocess::Mask mask = preprocess::Mask::zeros(64, 64);
    mask.pixels[static_cast<std::size_t>(column)] = 1;
    datasets::Expression phrase;
    phrase.id = std::to_string(column);
    phrase.texts = {column == 3 ? "a dog" : "a mat"};
    phrase.masks = {datasets::coded(preprocess::encode_rle(mask))};
    sample.expressions.push_back(phrase);
  }
  write_one(shards() / "captions", sample, png->bytes(), datasets::MediaKind::Image);

  auto stage = DataStage::open(only("captions"));
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->batch.seg_counts.values<std::int64_t>()[0], 2);
  ASSERT_EQ(made->frames.masks.size(), 1U);
  const auto bits = made->frames.masks[0].bits.values<std::uint8_t>();
  ASSERT_EQ(bits.size(), 2U * 64 * 8);
  EXPECT_EQ(bits[0], 1U << 3U);          // the dog's only pixel, first row
  EXPECT_EQ(bits[64 * 8 + 40 / 8], 1U);  // the mat's
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  const auto words = made->batch.real_text_ids.values<std::int64_t>();
  const auto width = static_cast<std::size_t>(made->batch.real_text_ids.shape[1]);
  EXPECT_EQ(tokenizer->decode(words.subspan(0, width)).substr(0, 5), "a dog");

  const auto phase_a = stage->make(Phase::A, 0, 0);
  ASSERT_TRUE(phase_a) << phase_a.error().message();
  EXPECT_EQ(phase_a->frames.object_counts.values<std::int64_t>()[0], 2);
}

// A picture of 64 x 64 with two regions: the left half, and one pixel in a corner.
Sample regions(const std::string& part) {
  Sample sample;
  sample.dataset = "osprey";
  sample.kind = datasets::SampleKind::RegionQa;
  sample.split = part;
  for (const int region : {0, 1}) {
    preprocess::Mask mask = preprocess::Mask::zeros(64, 64);
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 32; ++x) mask.pixels[static_cast<std::size_t>(y * 64 + x)] = region == 0;
    }
    if (region == 1) mask.pixels[63 * 64 + 63] = 1;
    datasets::Expression expression;
    expression.id = std::to_string(region + 1);
    expression.masks = {datasets::coded(preprocess::encode_rle(mask))};
    sample.expressions.push_back(expression);
  }
  return sample;
}

TEST_F(KindsTest, EachRegionHasAPlaceForEveryCellItCovers) {
  const auto png = preprocess::encode_png(grey(100));
  ASSERT_TRUE(png);
  Sample sample = regions("conversation");
  sample.turns = {{"What is region1?", "A half."}, {"And region2?", "A dot."}};
  write_one(shards() / "regions", sample, png->bytes(), datasets::MediaKind::Image);

  auto stage = DataStage::open(only("regions"));
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->batch.regions_per_sample.values<std::int64_t>()[0], 2);
  ASSERT_EQ(made->batch.regions.shape, (std::vector<std::int64_t>{2, 2, 2}));
  const auto cells = made->batch.regions.values<std::uint8_t>();
  // Nearest at the top left of each cell: the corner pixel is in none.
  EXPECT_EQ(std::vector<int>(cells.begin(), cells.end()),
            (std::vector<int>{1, 0, 1, 0, 0, 0, 0, 0}));
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  const auto ids = made->batch.ids.values<std::int64_t>();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), tokenizer->special().img_context), 4 + 2);
  const std::string text = tokenizer->decode(ids);
  EXPECT_NE(text.find("There are 2 regions in the picture: region1<vp><IMG_CONTEXT><IMG_CONTEXT>"
                      "</vp>, region2<vp></vp>.\nWhat is region1?"),
            std::string::npos)
      << text;
  EXPECT_EQ(made->frames.frames.shape[0], 0);
  EXPECT_EQ(made->batch.seg_counts.values<std::int64_t>()[0], 0);
}

TEST_F(KindsTest, ADescriptionOfARegionGetsAQuestionAndAShortFormItsInstruction) {
  const auto png = preprocess::encode_png(grey(100));
  ASSERT_TRUE(png);
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  const auto text_of = [&](const std::string& part, std::vector<datasets::Turn> turns) {
    Sample sample = regions(part);
    sample.turns = std::move(turns);
    write_one(shards() / part, sample, png->bytes(), datasets::MediaKind::Image);
    auto stage = DataStage::open(only(part));
    EXPECT_TRUE(stage) << stage.error().message();
    const auto made = stage->make(Phase::C, 3, 3);
    EXPECT_TRUE(made) << made.error().message();
    return tokenizer->decode(made->batch.ids.values<std::int64_t>());
  };
  const std::string described = text_of("detail_description", {{"", "A half."}, {"", "A dot."}});
  // Each in its preamble, and in the question of its turn.
  EXPECT_NE(described.find("region1", described.find("</vp>.")), std::string::npos) << described;
  EXPECT_NE(described.find("region2", described.find("A half.")), std::string::npos) << described;
  const std::string brief = text_of("short_form", {{"What is region1?", "A half."}});
  EXPECT_NE(brief.find("What is region1? Answer with a single word or a short phrase."),
            std::string::npos)
      << brief;
}

TEST_F(KindsTest, ATextWithoutPictureHasNoTile) {
  Sample sample;
  sample.dataset = "llava";
  sample.split = "train";
  sample.id = "1";
  sample.kind = datasets::SampleKind::ImageQa;
  sample.turns = {{"<image>\nWhat is two and two?", "Four."}};
  shards::WriterOptions options;
  options.dataset = options.kind = "llava";
  options.created_by = "test";
  auto writer = shards::ShardWriter::create(shards() / "texts", options);
  ASSERT_TRUE(writer) << writer.error().message();
  ASSERT_TRUE(writer->sample({describe(sample), {}, "", datasets::encode_sample(sample)}, {}));
  ASSERT_TRUE(writer->finish());

  auto stage = DataStage::open(only("texts"));
  ASSERT_TRUE(stage) << stage.error().message();
  const auto made = stage->make(Phase::B, 0, 0);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->batch.tiles_per_sample.values<std::int64_t>()[0], 0);
  EXPECT_EQ(made->batch.tiles.shape[0], 0);
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->decode(made->batch.ids.values<std::int64_t>()).find("image"),
            std::string::npos);
}

}  // namespace
}  // namespace desa2va::data
