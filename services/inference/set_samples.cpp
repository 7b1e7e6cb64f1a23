#include "services/inference/set_samples.h"

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/datasets/shard_import.h"

namespace desa2va::inference {

namespace {
constexpr std::size_t kKeptBytes = std::size_t{256} << 20U;
}

SetSamples::SetSamples(std::string split, std::vector<shards::ShardReader> readers)
    : split_(std::move(split)),
      readers_(std::move(readers)),
      media_(std::make_unique<data::MediaCache>(kKeptBytes, nullptr, 0)) {}

Result<SetSamples> SetSamples::open(const evaluation::EvaluationSet& set, const std::string& split,
                                    const std::string& shards) {
  auto dirs = datasets::find_datasets(shards);
  if (!dirs) return std::move(dirs.error()).with_exit(ExitCode::Usage);
  std::vector<shards::ShardReader> readers;
  std::set<std::string> others;
  for (const auto& dir : *dirs) {
    auto reader = shards::ShardReader::open(dir);
    if (!reader) return std::move(reader.error()).in(dir.string()).with_exit(ExitCode::Data);
    others.insert(reader->catalog().dataset);
    if (reader->catalog().dataset == set.dataset) readers.push_back(std::move(*reader));
  }
  if (readers.empty())
    return fail(Errc::NotFound,
                "{}: no shards of '{}' for the set {}; there are {}. `desa2va shards import {}` "
                "makes them",
                shards, set.dataset, set.name, fmt::join(others, ", "), set.dataset)
        .with_exit(ExitCode::Usage);
  return SetSamples(split, std::move(readers));
}

Result<void> SetSamples::each(const Take& take) {
  std::uint64_t number = 0;
  std::set<std::string> splits;
  for (current_ = 0; current_ < readers_.size(); ++current_) {
    const shards::ShardReader& reader = readers_[current_];
    for (const std::uint64_t stored : reader.usable()) {
      const auto where = fmt::format("dataset '{}': sample {}", reader.catalog().dataset, stored);
      auto record = reader.sample(stored);
      if (!record) return std::move(record.error()).with_exit(ExitCode::Data);  // it says where
      auto sample = datasets::decode_sample(record->payload.bytes());
      if (!sample) return std::move(sample.error()).in(where).with_exit(ExitCode::Data);
      splits.insert(sample->split);
      if (sample->split != split_) continue;
      DESA2VA_TRY(take(number++, *sample));
    }
  }
  if (number == 0)
    return fail(Errc::NotFound, "no usable sample of split '{}'; the shards hold {}", split_,
                fmt::join(splits, ", "))
        .with_exit(ExitCode::Usage);
  return {};
}

Result<std::vector<preprocess::Image>> SetSamples::frames(
    const datasets::Sample& sample, const std::vector<std::uint32_t>& numbers) {
  const shards::ShardReader& reader = readers_[current_];
  const bool file = sample.media.size() == 1 && sample.media[0].kind == datasets::MediaKind::Video;
  if (file) {
    std::vector<std::uint32_t> in_file;
    in_file.reserve(numbers.size());
    for (const std::uint32_t number : numbers)
      in_file.push_back(sample.frames.empty() ? number : sample.frames.at(number));
    return media_->frames(reader, sample.media[0], in_file);
  }
  std::vector<preprocess::Image> images;
  for (const std::uint32_t number : numbers) {
    DESA2VA_ASSIGN(images.emplace_back(), media_->picture(reader, sample.media.at(number)));
  }
  return images;
}

}  // namespace desa2va::inference
