#include "services/data/stage.h"

#include <algorithm>
#include <set>

#include "common/base/checksum.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/storage/shards/shard_reader.h"
#include "data_fixture.h"

namespace desa2va::data {
namespace {

namespace fs = std::filesystem;
using StageTest = test::DataFixture;

DataStage open_stage(const config::Config& config) {
  auto stage = DataStage::open(config);
  EXPECT_TRUE(stage) << stage.error().message();
  return std::move(*stage);
}

Microbatch make(DataStage& stage, Phase phase, std::uint64_t index) {
  auto made = stage.make(phase, index, index);
  EXPECT_TRUE(made) << made.error().message();
  return std::move(*made);
}

// Every byte that goes out, as one number.
std::uint64_t fingerprint(const Microbatch& m) {
  std::string all;
  const auto add = [&](const HostTensor& tensor) {
    all += describe(tensor);
    all += as_text(tensor.data.bytes());
  };
  for (const auto* tensor :
       {&m.batch.ids, &m.batch.labels, &m.batch.lengths, &m.batch.tiles_per_sample, &m.batch.tiles,
        &m.batch.seg_counts, &m.batch.regions, &m.batch.real_text_ids, &m.batch.real_text_lengths,
        &m.frames.frames, &m.frames.frames_per_sample, &m.frames.object_counts, &m.frames.samples,
        &m.frames.object_frame, &m.frames.object_text}) {
    add(*tensor);
  }
  for (const auto& masks : m.frames.masks) add(masks.bits);
  all += m.frames.reprompt ? "r" : "-";
  return checksum64(as_bytes(all));
}

std::vector<std::int64_t> list(const HostTensor& tensor) {
  const auto values = tensor.values<std::int64_t>();
  return {values.begin(), values.end()};
}

std::int64_t sum(const HostTensor& tensor) {
  std::int64_t total = 0;
  for (const std::int64_t value : list(tensor)) total += value;
  return total;
}

TEST_F(StageTest, TheStreamIsTheSameWhoeverMakesItInWhateverOrder) {
  DataStage one = open_stage(config());
  DataStage two = open_stage(config());
  std::vector<std::uint64_t> forward, backward;
  for (std::uint64_t i = 0; i < 16; ++i) forward.push_back(fingerprint(make(one, Phase::B, i)));
  for (std::uint64_t i = 16; i-- > 0;) backward.push_back(fingerprint(make(two, Phase::B, i)));
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(std::set(forward.begin(), forward.end()).size(), forward.size());
  EXPECT_EQ(fingerprint(make(one, Phase::A, 5)), fingerprint(make(two, Phase::A, 5)));
}

TEST_F(StageTest, AnotherSeedMakesAnotherStream) {
  config::Config other = config();
  other.run.seed = 43;
  DataStage one = open_stage(config());
  DataStage two = open_stage(other);
  EXPECT_NE(fingerprint(make(one, Phase::B, 0)), fingerprint(make(two, Phase::B, 0)));
  EXPECT_NE(fingerprint(make(one, Phase::A, 0)), fingerprint(make(two, Phase::A, 0)));
}

TEST_F(StageTest, TokensTilesFramesAndMasksOfAMicrobatchBelongTogether) {
  DataStage stage = open_stage(config());
  const auto tokenizer = text::Tokenizer::load(shards() / "tokenizer");
  ASSERT_TRUE(tokenizer);
  bool saw_video = false, saw_image = false, saw_text = false;
  for (std::uint64_t i = 0; i < 16; ++i) {
    const Microbatch m = make(stage, Phase::C, i);
    const auto lengths = list(m.batch.lengths);
    ASSERT_EQ(m.batch.ids.shape[0], 3);
    EXPECT_EQ(m.batch.ids.shape[1], *std::max_element(lengths.begin(), lengths.end()));
    EXPECT_EQ(m.batch.tiles.shape,
              (std::vector<std::int64_t>{sum(m.batch.tiles_per_sample), 3, 56, 56}));
    EXPECT_EQ(m.frames.frames.shape,
              (std::vector<std::int64_t>{sum(m.frames.frames_per_sample), 3, 64, 64}));
    EXPECT_EQ(m.batch.real_text_ids.shape[0], sum(m.batch.seg_counts));
    EXPECT_EQ(sum(m.frames.object_counts), sum(m.batch.seg_counts));

    const auto ids = m.batch.ids.values<std::int64_t>();
    const auto labels = m.batch.labels.values<std::int64_t>();
    const auto width = static_cast<std::size_t>(m.batch.ids.shape[1]);
    std::size_t entry = 0;
    for (std::size_t s = 0; s < 3; ++s) {
      const auto row = ids.subspan(s * width, width);
      EXPECT_EQ(std::count(row.begin(), row.end(), tokenizer->special().seg),
                list(m.batch.seg_counts)[s]);
      EXPECT_EQ(std::count(row.begin(), row.end(), tokenizer->special().img_context),
                list(m.batch.tiles_per_sample)[s] * config().model.vit.tokens_per_tile());
      for (auto p = static_cast<std::size_t>(lengths[s]); p < width; ++p) {
        EXPECT_EQ(row[p], 0);
        EXPECT_EQ(labels[s * width + p], -100);
      }
      saw_text = saw_text || list(m.batch.seg_counts)[s] == 0;
      if (list(m.batch.seg_counts)[s] == 0) continue;
      EXPECT_EQ(list(m.frames.samples)[entry], static_cast<std::int64_t>(s));
      EXPECT_EQ(list(m.frames.object_counts)[entry], 5);
      const auto frames = list(m.frames.frames_per_sample)[entry];
      saw_video = saw_video || frames == 4;
      saw_image = saw_image || frames == 1;
      EXPECT_EQ(m.frames.masks[entry].bits.shape, (std::vector<std::int64_t>{5 * frames, 128, 16}));
      ++entry;
    }
    EXPECT_EQ(m.frames.masks.size(), entry);
  }
  EXPECT_TRUE(saw_video && saw_image && saw_text);
}

TEST_F(StageTest, AnEpochUsesEverySample) {
  DataStage stage = open_stage(config());
  std::set<std::string> keys;
  for (std::uint64_t i = 0; i < 12; ++i) {  // 32 samples and the round-up to groups of 6
    for (const std::string& key : make(stage, Phase::B, i).keys) keys.insert(key);
  }
  EXPECT_EQ(keys.size(), 12U + 3 + 5);
}

// A mask is where its colour is: the mean over the masked pixels of the picture differs from the
// dark background.
TEST_F(StageTest, MasksLieOnTheObjectsOfTheirFrames) {
  config::Config plain = config();
  plain.model.sam2.image_size = 128;  // no resize: masks and frames have one grid
  DataStage stage = open_stage(plain);
  int checked = 0;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Microbatch m = make(stage, Phase::B, i);
    const auto pixels = m.frames.frames.values<std::uint8_t>();
    std::int64_t first_frame = 0;
    for (std::size_t k = 0; k < m.frames.masks.size(); ++k) {
      const auto bits = m.frames.masks[k].bits.values<std::uint8_t>();
      const std::int64_t frames = list(m.frames.frames_per_sample)[k];
      for (std::int64_t row = 0; row < m.frames.masks[k].bits.shape[0]; ++row) {
        const std::int64_t frame = first_frame + row % frames;
        double inside = 0, area = 0;
        for (std::size_t p = 0; p < 128U * 128U; ++p) {
          const std::uint8_t byte = bits[static_cast<std::size_t>(row) * 128 * 16 + p / 8];
          if ((byte >> (p % 8) & 1U) == 0) continue;
          std::uint8_t brightest = 0;
          for (std::size_t c = 0; c < 3; ++c) {
            brightest = std::max(brightest,
                                 pixels[(static_cast<std::size_t>(frame) * 3 + c) * 128 * 128 + p]);
          }
          inside += brightest;
          ++area;
        }
        ASSERT_GT(area, 50);
        EXPECT_GT(inside / area, 150) << "microbatch " << i << " entry " << k << " row " << row;
        ++checked;
      }
      first_frame += frames;
    }
  }
  EXPECT_GT(checked, 50);
}

TEST_F(StageTest, PhaseAHasDistinctTextsAndOneMaskAnObject) {
  DataStage stage = open_stage(config());
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Microbatch m = make(stage, Phase::A, i);
    EXPECT_EQ(m.samples, 4U);
    EXPECT_EQ(m.batch.ids.numel(), 0);
    EXPECT_EQ(m.batch.tiles.shape, (std::vector<std::int64_t>{0, 3, 56, 56}));
    EXPECT_EQ(m.frames.frames.shape[0], 4);
    const auto frame_of = list(m.frames.object_frame);
    const auto text_of = list(m.frames.object_text);
    ASSERT_EQ(m.frames.masks.size(), frame_of.size());
    ASSERT_EQ(text_of.size(), frame_of.size());
    EXPECT_EQ(sum(m.frames.object_counts), static_cast<std::int64_t>(frame_of.size()));
    const std::int64_t texts = m.batch.real_text_ids.shape[0];
    EXPECT_EQ(*std::max_element(text_of.begin(), text_of.end()), texts - 1);
    const auto width = static_cast<std::size_t>(m.batch.real_text_ids.shape[1]);
    const auto ids = m.batch.real_text_ids.values<std::int64_t>();
    std::set<std::vector<std::int64_t>> rows;
    for (std::size_t t = 0; t < static_cast<std::size_t>(texts); ++t) {
      rows.emplace(ids.begin() + static_cast<std::ptrdiff_t>(t * width),
                   ids.begin() + static_cast<std::ptrdiff_t>((t + 1) * width));
    }
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(texts));
    for (const auto& masks : m.frames.masks) {
      EXPECT_EQ(masks.bits.shape, (std::vector<std::int64_t>{1, 128, 16}));
    }
  }
}

TEST_F(StageTest, RepromptIsDrawnInPhaseCAlone) {
  DataStage stage = open_stage(config());
  int drawn = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    EXPECT_FALSE(make(stage, Phase::B, i).frames.reprompt);
    drawn += make(stage, Phase::C, i).frames.reprompt ? 1 : 0;
  }
  EXPECT_GT(drawn, 8);
  EXPECT_LT(drawn, 32);
}

TEST_F(StageTest, ACutConversationLosesTheMasksOfItsLostTurns) {
  config::Config cut = config();
  cut.data.mixture = {member("images", 1)};
  cut.model.llm.max_length = 60;
  DataStage stage = open_stage(cut);
  std::int64_t fewest = 5;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Microbatch m = make(stage, Phase::B, i);
    EXPECT_LE(m.batch.ids.shape[1], 60);
    const auto counts = list(m.frames.object_counts);
    EXPECT_EQ(counts, list(m.batch.seg_counts));
    for (std::size_t k = 0; k < counts.size(); ++k) {
      EXPECT_EQ(m.frames.masks[k].bits.shape[0], counts[k]);
      fewest = std::min(fewest, counts[k]);
    }
  }
  EXPECT_LT(fewest, 5);
  EXPECT_GT(fewest, 0);
}

TEST_F(StageTest, AMissingDataSetAndASmallVocabularyEndWithExitTwo) {
  config::Config missing = config();
  missing.data.mixture.push_back(member("nowhere", 1));
  auto stage = DataStage::open(missing);
  ASSERT_FALSE(stage);
  EXPECT_EQ(stage.error().exit_code(), 2);
  EXPECT_NE(stage.error().message().find("nowhere"), std::string::npos);

  config::Config small = config();
  small.model.llm.vocab_size = 300;
  stage = DataStage::open(small);
  ASSERT_FALSE(stage);
  EXPECT_EQ(stage.error().exit_code(), 2);
  EXPECT_NE(stage.error().message().find("llm.vocab_size=300"), std::string::npos);

  config::Config empty = config();
  empty.data.mixture[0].split = "testA";
  stage = DataStage::open(empty);
  ASSERT_FALSE(stage);
  EXPECT_NE(stage.error().message().find("no usable sample of split 'testA'"), std::string::npos);
}

TEST_F(StageTest, QuirksThatTheStreamCannotHaveAreRefused) {
  config::Config quirk = config();
  quirk.data.clamp_masks = false;
  auto stage = DataStage::open(quirk);
  ASSERT_FALSE(stage);
  EXPECT_NE(stage.error().message().find("data.clamp_masks"), std::string::npos);
  quirk = config();
  quirk.data.video_short = desa2va::config::VideoShort::Reference;
  stage = DataStage::open(quirk);
  ASSERT_FALSE(stage);
  EXPECT_NE(stage.error().message().find("data.video_short"), std::string::npos);
}

TEST_F(StageTest, ADamagedShardEndsWithExitThreeAndIsNamed) {
  const fs::path copy = folder() / "damaged";
  fs::copy(shards(), copy, fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(copy / "images")) {
    if (entry.path().extension() != ".sst" ||
        entry.path().filename().string().find("media") == std::string::npos) {
      continue;
    }
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(fs::file_size(entry.path()));
    for (std::streamoff at = 1000; at < size / 2; at += 1000) {
      file.seekp(at);
      file.put('\x55');
    }
  }
  config::Config damaged = config();
  damaged.data.shards = copy.string();
  damaged.data.mixture = {member("images", 1)};
  auto stage = DataStage::open(damaged);
  Error error(Errc::Internal, "every microbatch could be made");
  if (!stage) {
    error = stage.error();
  } else {
    for (std::uint64_t i = 0; i < 8; ++i) {
      if (auto made = stage->make(Phase::B, i, i); !made) error = made.error();
    }
  }
  EXPECT_EQ(error.exit_code(), 3) << error.message();
  EXPECT_EQ(error.code(), Errc::Corrupt) << error.message();
}

}  // namespace
}  // namespace desa2va::data
