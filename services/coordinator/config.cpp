#include "services/coordinator/config.h"

#include <charconv>

namespace desa2va::coordinator {

namespace {

constexpr const char* kSubstituted = "data.substituted";
constexpr const char* kSkippedInRow = "train.skipped_in_row";

std::int64_t number_of(const Facts& facts, const char* name) {
  const auto found = facts.find(name);
  std::int64_t value = 0;
  if (found != facts.end()) {
    const std::string& text = found->second;
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

}  // namespace

void put_counts(const Counts& counts, Facts& facts) {
  facts[kSubstituted] = std::to_string(counts.substituted);
  facts[kSkippedInRow] = std::to_string(counts.skipped_in_row);
}

Counts counts_of(const Facts& facts) {
  return {number_of(facts, kSubstituted), number_of(facts, kSkippedInRow)};
}

Settings read_settings(const config::Config& config, std::uint64_t restore_step,
                       const Counts& restored) {
  Settings settings;
  for (const Role role : kRoles) {
    if (role == Role::Coordinator) continue;
    for (int i = 0; i < config.service(role).replicas; ++i) settings.ranks.push_back({role, i});
  }
  settings.microbatches = config.train.micro_batches;
  settings.clip_norm = config.train.clip_norm;
  settings.save_every = static_cast<std::uint64_t>(config.checkpoint.every_steps);
  settings.save_phase_ends = config.checkpoint.phase_ends;
  settings.max_skipped_in_row = config.train.max_skipped_in_row;
  settings.failure_budget = config.data.failure_budget;
  settings.restore_step = restore_step;
  settings.restored = restored;
  return settings;
}

}  // namespace desa2va::coordinator
