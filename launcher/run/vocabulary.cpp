#include "launcher/run/vocabulary.h"

#include "common/datasets/sample.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/storage/shards/shard_reader.h"
#include "common/synth/bpe_trainer.h"

namespace desa2va::launcher {
namespace {

constexpr std::size_t kMostTexts = 200'000;

Result<void> collect_texts(const std::filesystem::path& shards, std::vector<std::string>& texts) {
  DESA2VA_ASSIGN(const shards::ShardReader reader, shards::ShardReader::open(shards));
  for (const std::uint64_t number : reader.usable()) {
    if (texts.size() >= kMostTexts) return {};
    DESA2VA_ASSIGN(const shards::SampleRecord record, reader.sample(number));
    DESA2VA_ASSIGN(const datasets::Sample sample, datasets::decode_sample(record.payload.bytes()));
    for (const auto& expression : sample.expressions) {
      // As it stands in a sentence, after a space.
      for (const std::string& text : expression.texts) texts.push_back(" " + text);
    }
    for (const auto& turn : sample.turns) {
      texts.push_back(turn.question);
      texts.push_back(turn.answer);
    }
  }
  return {};
}

}  // namespace

Result<void> learn_vocabulary(const config::DataConfig& data, const std::filesystem::path& folder) {
  std::vector<std::string> texts;
  for (const auto& item : data.mixture)
    DESA2VA_TRY(collect_texts(std::filesystem::path(data.shards) / item.name, texts));
  synth::BpeTraining training;
  training.vocabulary = static_cast<std::size_t>(data.vocabulary);
  training.added = synth::default_added_tokens();
  DESA2VA_ASSIGN(const text::Vocabulary vocabulary, synth::train_bpe(texts, training));
  return text::write_vocabulary(vocabulary, folder);
}

}  // namespace desa2va::launcher
