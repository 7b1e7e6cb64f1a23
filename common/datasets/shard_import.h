#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/datasets/importer.h"
#include "common/storage/shards/shard_writer.h"

// From an importer into shards: what `shards import` and a run that lacks its data both do.
namespace desa2va::datasets {

// An ImportSink that fills a ShardWriter: media once, frame index, sample with its cost. Broken
// samples keep their number and are listed in the catalog; what is known of a split becomes the
// facts "split/<name>" and "source/<name>".
class ShardSink final : public ImportSink {
 public:
  // `writer` must outlive the sink. `progress` (may be empty) is called after every sample.
  ShardSink(shards::ShardWriter& writer, std::function<void(std::uint64_t samples)> progress = {});

  Result<void> media(const MediaItem& item) override;
  Result<void> sample(const Sample& sample) override;
  Result<void> split_done(const SplitInfo& info) override;

 private:
  shards::ShardWriter& writer_;
  std::function<void(std::uint64_t)> progress_;
  std::map<ContentHash, float> decode_ms_;  // of one frame
  std::uint64_t samples_ = 0;
};

struct ShardImport {
  std::string dataset;  // of the importer: "mevis"
  ImportRequest request;
  std::filesystem::path out;
  bool replace = false;
  std::function<void(std::uint64_t samples)> progress;
};

// Imports one set into the directory `out`, which appears whole or not at all. InvalidArgument
// names the sets there are; NotFound a root without annotation files of the set.
Result<shards::Catalog> import_to_shards(const ShardImport& job);

// The directories with a catalog: `dir` itself, else its folders in the order of names. NotFound
// when there is none.
Result<std::vector<std::filesystem::path>> find_datasets(const std::filesystem::path& dir);

}  // namespace desa2va::datasets
