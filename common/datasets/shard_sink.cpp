#include <algorithm>
#include <cctype>

#include "common/datasets/frame_index.h"
#include "common/datasets/shard_import.h"
#include "common/preprocess/image/tiles.h"

namespace desa2va::datasets {
namespace {

constexpr std::uint32_t kFramesDrawn = 5;  // of a video, one tile each

std::int64_t text_bytes(const Sample& sample) {
  std::size_t bytes = sample.caption.size();
  for (const auto& expression : sample.expressions) {
    for (const auto& text : expression.texts) bytes += text.size();
    for (const auto& text : expression.short_texts) bytes += text.size();
  }
  for (const auto& turn : sample.turns) bytes += turn.question.size() + turn.answer.size();
  return static_cast<std::int64_t>(bytes);
}

std::int64_t tokens_of(const Sample& sample, const text::Tokenizer& tokenizer) {
  std::size_t tokens = 0;
  for (const auto& turn : sample.turns)
    tokens += tokenizer.encode(turn.question).size() + tokenizer.encode(turn.answer).size();
  // Phrases of a caption are part of its answer already.
  if (sample.kind != SampleKind::Gcg)
    for (const auto& expression : sample.expressions)
      if (!expression.texts.empty()) tokens += tokenizer.encode(expression.texts[0]).size();
  return static_cast<std::int64_t>(tokens);
}

std::int32_t tiles_of(const Sample& sample) {
  if (sample.kind == SampleKind::VideoRef || sample.kind == SampleKind::VideoQa)
    return static_cast<std::int32_t>(std::min(sample.drawable_frames(), kFramesDrawn));
  int tiles = 0;
  for (const auto& media : sample.media)
    if (media.width > 0)
      tiles += preprocess::tile_count(preprocess::choose_grid(media.width, media.height));
  return tiles;
}

std::uint64_t texts_of(const Sample& sample) {
  std::uint64_t texts = sample.turns.size();
  for (const auto& expression : sample.expressions)
    texts += expression.texts.size() + expression.short_texts.size();
  return texts;
}

}  // namespace

SplitSummary ImportSummary::total() const {
  SplitSummary sum;
  sum.split = "all";
  for (const auto& one : splits) {
    sum.samples += one.samples;
    sum.usable += one.usable;
    sum.warned += one.warned;
    sum.frames += one.frames;
    sum.texts += one.texts;
    sum.expressions += one.expressions;
    sum.text_bytes += one.text_bytes;
  }
  return sum;
}

std::string kind_of_reason(std::string_view reason) {
  reason = reason.substr(0, reason.find("; "));
  reason = reason.substr(0, reason.find(" ("));
  if (const auto path = reason.find(": /"); path != std::string_view::npos)
    reason = reason.substr(0, path);
  std::string kind;
  for (const char c : reason) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) kind += c;
    if (digit && !kind.ends_with('N')) kind += 'N';
  }
  return kind.empty() ? "broken" : kind;
}

shards::SampleCost cost_of(const Sample& sample, const text::Tokenizer* tokenizer) {
  shards::SampleCost cost;
  cost.frames = sample.drawable_frames();
  cost.objects = static_cast<std::int64_t>(sample.expressions.empty() ? sample.turns.size()
                                                                      : sample.expressions.size());
  cost.text_bytes = text_bytes(sample);
  cost.tiles = tiles_of(sample);
  if (tokenizer != nullptr) cost.tokens = tokens_of(sample, *tokenizer);
  for (const auto& media : sample.media)
    cost.pixels = std::max(cost.pixels, std::int64_t{media.width} * media.height);
  return cost;
}

Result<void> ShardSink::media(const MediaItem& item) {
  if (item.bytes.empty()) {
    DESA2VA_TRY(writer_.again(item.hash).in(item.path));
  } else {
    DESA2VA_ASSIGN(const auto hash, writer_.media(item.bytes.bytes()).in(item.path));
    if (hash != item.hash) {
      return fail(Errc::Internal, "{}: the importer names {}, its content is {}", item.path,
                  item.hash.hex(), hash.hex());
    }
  }
  if (decode_ms_.insert(item.hash, static_cast<float>(item.decode_ms)).second) {
    ++(item.kind == MediaKind::Video ? summary_.videos : summary_.pictures);
    ++progress_.media;
    progress_.media_bytes += item.bytes.size();
    if (item.video) {
      const Buffer index = encode_frame_index(item.video->index);
      DESA2VA_TRY(writer_.frame_index(item.hash, index.bytes()).in(item.path));
    }
  }
  if (options_.journal != nullptr) options_.journal->handed_on(item.hash);
  return {};
}

Result<void> ShardSink::split_done(const SplitInfo& info) {
  writer_.fact("split/" + info.split,
               fmt::format("{} samples, {} expressions", info.samples, info.expressions));
  writer_.fact("source/" + info.split, info.source);
  split_.split = info.split;
  summary_.splits.push_back(std::exchange(split_, {}));
  return {};
}

void ShardSink::count(const Sample& sample, const shards::SampleCost& cost) {
  ++split_.samples;
  ++progress_.samples;
  summary_.references += sample.media.size();
  split_.expressions += sample.expressions.size();
  split_.texts += texts_of(sample);
  split_.text_bytes += static_cast<std::uint64_t>(cost.text_bytes);
  if (sample.status == SampleStatus::Broken) {
    ++summary_.broken[kind_of_reason(sample.reason)];
    ++progress_.broken;
    return;
  }
  ++split_.usable;
  if (sample.status == SampleStatus::Warned) ++split_.warned;
  split_.frames += static_cast<std::uint64_t>(cost.frames);
}

Result<void> ShardSink::sample(const Sample& sample) {
  shards::SampleRecord record;
  record.key = describe(sample);
  record.payload = encode_sample(sample);
  if (sample.status == SampleStatus::Broken)
    record.broken = sample.reason.empty() ? "broken" : sample.reason;
  shards::SampleCost cost = cost_of(sample, options_.tokenizer);
  for (const auto& media : sample.media) {
    if (media.hash == ContentHash{}) continue;  // the file is missing: the sample is broken
    const float* measured = options_.timing ? decode_ms_.find(media.hash) : nullptr;
    if (measured != nullptr) cost.decode_ms = std::max(cost.decode_ms, *measured);
    record.media.push_back(media.hash);
  }
  DESA2VA_TRY(writer_.sample(record, cost));
  count(sample, cost);
  return {};
}

void ShardSink::advance(std::uint64_t weight) {
  done_ += weight;
  if (!options_.progress) return;
  if (expected_ > 0)
    progress_.fraction = std::min(1.0, static_cast<double>(done_) / static_cast<double>(expected_));
  options_.progress(progress_);
}

}  // namespace desa2va::datasets
