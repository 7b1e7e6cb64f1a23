#include "launcher/run/length.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "common/datasets/sample.h"
#include "common/datasets/split_numbers.h"
#include "common/storage/shards/shard_reader.h"

namespace desa2va::launcher {
namespace {

using datasets::SampleKind;

bool has_masks(SampleKind kind) {
  return kind == SampleKind::ImageRef || kind == SampleKind::VideoRef || kind == SampleKind::Gcg;
}

Result<void> add_member(const config::Config& config, const config::DatasetConfig& member,
                        EpochSize& size) {
  DESA2VA_ASSIGN(const auto reader, shards::ShardReader::open(
                                        std::filesystem::path(config.data.shards) / member.name));
  DESA2VA_ASSIGN(auto numbers, datasets::numbers_of_split(reader, member.split));
  if (member.max_items) numbers.keep(static_cast<std::uint64_t>(*member.max_items));
  if (numbers.size() == 0) return {};
  const auto places = static_cast<std::int64_t>(datasets::places_in_epoch(
      numbers.size(), static_cast<std::uint64_t>(member.repeats), member.weight));
  size.samples += places;
  DESA2VA_ASSIGN(const auto record, reader.sample(numbers[0]));
  DESA2VA_ASSIGN(const auto sample, datasets::decode_sample(record.payload.bytes()));
  if (has_masks(sample.kind)) size.with_masks += places;
  return {};
}

std::int64_t steps_of(double epochs, std::int64_t samples, std::int64_t samples_of_a_step) {
  const double steps =
      std::floor(epochs * static_cast<double>(samples) / static_cast<double>(samples_of_a_step));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(steps));
}

}  // namespace

Result<EpochSize> epoch_size(const config::Config& config) {
  EpochSize size;
  for (const config::DatasetConfig& member : config.data.mixture) {
    DESA2VA_TRY(add_member(config, member, size)
                    .in(fmt::format("data.mixture: data set '{}'", member.name)));
  }
  return size;
}

Result<void> resolve_length(config::Loaded& loaded, const Say& say) {
  config::Config& config = loaded.config;
  if (config.train.steps) return {};
  DESA2VA_ASSIGN(const EpochSize size, epoch_size(config));
  const std::int64_t microbatches = config.train.micro_batches;
  const std::int64_t joint =
      steps_of(config.train.epochs, size.samples, config.data.batch * microbatches);
  const std::int64_t a =
      config::has_phase_a(config.preset)
          ? steps_of(config.phase_a.epochs, size.with_masks, config.phase_a.images * microbatches)
          : 0;
  config.train.steps = a + joint;
  loaded.origin["train.steps"] = "train.epochs";
  if (a > 0) {
    // The share that rounds to exactly `a` of the steps.
    config.phase_a.frac = static_cast<double>(a) / static_cast<double>(a + joint);
    loaded.origin["phase_a.frac"] = "phase_a.epochs";
  }
  say(fmt::format("an epoch has {} samples, {} of them with masks: {} steps, {} of phase A",
                  size.samples, size.with_masks, a + joint, a));
  return {};
}

}  // namespace desa2va::launcher
