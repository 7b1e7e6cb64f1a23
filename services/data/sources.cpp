#include "services/data/sources.h"

#include <filesystem>

#include "services/data/work.h"

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

Result<Source> open_source(const config::Config& config, const config::DatasetConfig& dataset) {
  const auto folder = std::filesystem::path(config.data.shards) / dataset.name;
  auto reader = shards::ShardReader::open(folder);
  if (!reader) {
    const bool missing = reader.error().code() == Errc::NotFound;
    return std::move(reader.error())
        .in(fmt::format("data.mixture: data set '{}'", dataset.name))
        .with_exit(missing ? ExitCode::Usage : ExitCode::Data);
  }
  Source source{dataset.name,
                std::make_shared<shards::ShardReader>(std::move(*reader)),
                {},
                SampleKind::ImageQa,
                {}};
  auto numbers = datasets::numbers_of_split(*source.reader, dataset.split);
  if (!numbers) return data_error(std::move(numbers.error()), source);
  source.numbers = std::move(*numbers);
  if (source.numbers.size() == 0) {
    return fail(Errc::InvalidArgument,
                "data.mixture: data set '{}' in {} has no usable sample of split '{}' ({} samples, "
                "{} "
                "broken)",
                dataset.name, folder.string(), dataset.split, source.reader->sample_count(),
                source.reader->catalog().broken.size())
        .with_exit(ExitCode::Usage);
  }
  if (dataset.max_items) source.numbers.keep(static_cast<std::uint64_t>(*dataset.max_items));
  DESA2VA_ASSIGN(const datasets::Sample first, source.sample(0));
  source.kind = first.kind;
  source.member = {
      source.numbers.size(), static_cast<std::uint64_t>(dataset.repeats),
      length_class(first.kind, first.dataset), dataset.weight,
      [&config, reader = source.reader, numbers = source.numbers, kind = first.kind](
          std::uint64_t item) { return work_of(config, kind, reader->cost(numbers[item])); }};
  return source;
}

}  // namespace

Result<datasets::Sample> Source::sample(std::uint64_t item) const {
  auto record = reader->sample(numbers[item]);
  if (!record) return data_error(std::move(record.error()), *this);
  auto sample = datasets::decode_sample(record->payload.bytes());
  if (!sample) return data_error(std::move(sample.error()).in(record->key), *this);
  return std::move(*sample);
}

Result<std::vector<Source>> open_sources(const config::Config& config,
                                         const std::vector<config::DatasetConfig>& mixture) {
  std::vector<Source> sources;
  for (const config::DatasetConfig& dataset : mixture) {
    DESA2VA_ASSIGN(Source source, open_source(config, dataset));
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace desa2va::data
