#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/hash_table.h"
#include "common/base/result.h"
#include "common/datasets/importer.h"
#include "common/datasets/media_journal.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/storage/shards/shard_writer.h"

// From an importer into shards: what `shards import` and a run that lacks its data both do.
namespace desa2va::datasets {

// What an import did, for people.
struct SplitSummary {
  std::string split;
  std::uint64_t samples = 0;
  std::uint64_t usable = 0;
  std::uint64_t warned = 0;       // usable, but something was mended
  std::uint64_t frames = 0;       // to draw from, of the usable
  std::uint64_t texts = 0;        // sentences: turns, or the texts of expressions
  std::uint64_t expressions = 0;  // objects, regions or phrases
  std::uint64_t text_bytes = 0;
};
struct ImportSummary {
  std::vector<SplitSummary> splits;
  std::map<std::string, std::uint64_t> broken;  // samples by reason
  std::uint64_t pictures = 0;                   // distinct media
  std::uint64_t videos = 0;
  std::uint64_t media_bytes = 0;
  std::uint64_t references = 0;  // of samples to media; the rest were stored once
  std::uint64_t taken_over = 0;  // media that an interrupted import had decoded
  double seconds = 0;
  SplitSummary total() const;
};

// How far an import is.
struct ImportProgress {
  std::uint64_t samples = 0;
  std::uint64_t broken = 0;
  std::uint64_t media = 0;
  std::uint64_t media_bytes = 0;
  double fraction = 0;  // of the annotations, 0 to 1
};
using OnProgress = std::function<void(const ImportProgress&)>;

// What the reason of a broken sample is when names and numbers are left out: "missing file".
std::string kind_of_reason(std::string_view reason);

// The cost of a sample but for decode_ms; `tokenizer` may be null.
shards::SampleCost cost_of(const Sample& sample, const text::Tokenizer* tokenizer);

// An ImportSink that fills a ShardWriter: media once, frame index, sample with its cost. Broken
// samples keep their number and are listed in the catalog; what is known of a split becomes the
// facts "split/<name>" and "source/<name>".
class ShardSink final : public ImportSink {
 public:
  struct Options {
    OnProgress progress;                         // after every sample
    MediaJournal* journal = nullptr;             // learns what is stored
    const text::Tokenizer* tokenizer = nullptr;  // for the cost in tokens
    bool timing = true;                          // keep what decoding cost
  };
  // `writer` and what the options point to must outlive the sink.
  explicit ShardSink(shards::ShardWriter& writer) : writer_(writer) {}
  ShardSink(shards::ShardWriter& writer, Options options)
      : writer_(writer), options_(std::move(options)) {}

  Result<void> media(const MediaItem& item) override;
  Result<void> sample(const Sample& sample) override;
  Result<void> split_done(const SplitInfo& info) override;
  void expect(std::uint64_t weight) override { expected_ += weight; }
  void advance(std::uint64_t weight) override;

  const ImportSummary& summary() const { return summary_; }

 private:
  void count(const Sample& sample, const shards::SampleCost& cost);

  shards::ShardWriter& writer_;
  Options options_;
  HashTable<float> decode_ms_;  // of one frame
  ImportSummary summary_;
  SplitSummary split_;  // the one under way
  ImportProgress progress_;
  std::uint64_t expected_ = 0;
  std::uint64_t done_ = 0;
};

struct ShardImport {
  std::string dataset;  // of the importer: "mevis"
  ImportRequest request;
  std::filesystem::path out;
  bool replace = false;
  bool restart = false;  // forgets what an interrupted import left
  // Leaves decode_ms out of the cost index, so that equal sources give equal bytes.
  bool timing = true;
  const text::Tokenizer* tokenizer = nullptr;
  std::uint64_t max_file_bytes = 1ULL << 30U;
  OnProgress progress;
};

struct Imported {
  shards::Catalog catalog;
  ImportSummary summary;
};

// Imports one set into the directory `out`, which appears whole or not at all. InvalidArgument
// names the sets there are; NotFound a root without annotation files of the set.
//
// A failure, a kill or `request.stop` (Cancelled) leaves what was decoded in a hidden folder beside
// `out`; the same import goes on there, and makes the same bytes.
Result<Imported> import_to_shards(const ShardImport& job);

// The directories with a catalog: `dir` itself, else its folders in the order of names. NotFound
// when there is none.
Result<std::vector<std::filesystem::path>> find_datasets(const std::filesystem::path& dir);

}  // namespace desa2va::datasets
