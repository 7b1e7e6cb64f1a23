#include "services/data/sources.h"

#include <filesystem>

namespace desa2va::data {

namespace {

using datasets::SampleKind;

// As the reference's datasets report them for length grouping.
std::uint64_t length_class(SampleKind kind, const std::string& dataset) {
  if (kind == SampleKind::VideoQa) return 10'000;
  if (kind != SampleKind::VideoRef) return 100;
  return dataset == "refsav" ? 20'000 : 10'000;
}

Error data_error(Error error, const Source& source) {
  return std::move(error).in("data set '" + source.name + "'").with_exit(ExitCode::Data);
}

// Usable samples of the split. A data set with one split has nothing to filter.
Result<std::vector<std::uint64_t>> numbers_of(const Source& source, const std::string& split) {
  const auto& facts = source.reader.catalog().facts;
  const auto splits = facts.find("splits");
  if (split.empty() || (splits != facts.end() && splits->second == split)) {
    return source.reader.usable();
  }
  const std::string prefix = source.reader.catalog().dataset + "/" + split + "/";
  std::vector<std::uint64_t> numbers;
  for (const std::uint64_t number : source.reader.usable()) {
    auto record = source.reader.sample(number);
    if (!record) return data_error(std::move(record.error()), source);
    if (record->key.starts_with(prefix)) numbers.push_back(number);
  }
  return numbers;
}

Result<Source> open_source(const std::string& shards, const config::DatasetConfig& dataset) {
  const auto folder = std::filesystem::path(shards) / dataset.name;
  auto reader = shards::ShardReader::open(folder);
  if (!reader) {
    const bool missing = reader.error().code() == Errc::NotFound;
    return std::move(reader.error())
        .in(fmt::format("data.mixture: data set '{}'", dataset.name))
        .with_exit(missing ? ExitCode::Usage : ExitCode::Data);
  }
  Source source{dataset.name, std::move(*reader), {}, SampleKind::ImageQa, {}};
  DESA2VA_ASSIGN(source.numbers, numbers_of(source, dataset.split));
  if (source.numbers.empty()) {
    return fail(Errc::InvalidArgument,
                "data.mixture: data set '{}' in {} has no usable sample of split '{}' ({} samples, "
                "{} "
                "broken)",
                dataset.name, folder.string(), dataset.split, source.reader.sample_count(),
                source.reader.catalog().broken.size())
        .with_exit(ExitCode::Usage);
  }
  if (dataset.max_items && static_cast<std::size_t>(*dataset.max_items) < source.numbers.size()) {
    source.numbers.resize(static_cast<std::size_t>(*dataset.max_items));
  }
  DESA2VA_ASSIGN(const datasets::Sample first, source.sample(0));
  source.kind = first.kind;
  if (first.kind == SampleKind::RegionQa) {
    return fail(Errc::InvalidArgument,
                "data.mixture: data set '{}' holds samples of kind {}, which this version does not "
                "train on: take it out",
                dataset.name, name(first.kind))
        .with_exit(ExitCode::Usage);
  }
  source.member = {source.numbers.size(), static_cast<std::uint64_t>(dataset.repeats),
                   length_class(first.kind, first.dataset)};
  return source;
}

}  // namespace

Result<datasets::Sample> Source::sample(std::uint64_t item) const {
  auto record = reader.sample(numbers[item]);
  if (!record) return data_error(std::move(record.error()), *this);
  auto sample = datasets::decode_sample(record->payload.bytes());
  if (!sample) return data_error(std::move(sample.error()).in(record->key), *this);
  return std::move(*sample);
}

Result<std::vector<Source>> open_sources(const std::string& shards,
                                         const std::vector<config::DatasetConfig>& mixture) {
  std::vector<Source> sources;
  for (const config::DatasetConfig& dataset : mixture) {
    DESA2VA_ASSIGN(Source source, open_source(shards, dataset));
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace desa2va::data
