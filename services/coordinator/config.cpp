#include "services/coordinator/config.h"

#include <charconv>

#include <nlohmann/json.hpp>

namespace desa2va::coordinator {

namespace {

constexpr const char* kSubstituted = "data.substituted";
constexpr const char* kSkippedInRow = "train.skipped_in_row";
constexpr const char* kUnusable = "data.unusable";  // [["dataset", "key"], ...]

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

void put_record(const Record& record, Facts& facts) {
  facts[kSubstituted] = std::to_string(record.substituted);
  facts[kSkippedInRow] = std::to_string(record.skipped_in_row);
  auto unusable = nlohmann::json::array();
  for (const auto& [dataset, key] : record.unusable) unusable.push_back({dataset, key});
  facts[kUnusable] = unusable.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Record> record_of(const Facts& facts) {
  Record record{number_of(facts, kSubstituted), number_of(facts, kSkippedInRow), {}};
  const auto found = facts.find(kUnusable);
  if (found == facts.end()) return record;
  const auto unusable = nlohmann::json::parse(found->second, nullptr, false);
  const auto corrupt = [&] {
    return fail(Errc::Corrupt,
                "checkpoint: its fact '{}' is no list of samples; see which steps are whole with "
                "`desa2va ckpt verify RUN`, and go on from one of them with `desa2va ckpt fork`",
                kUnusable)
        .with_exit(ExitCode::Storage);
  };
  if (!unusable.is_array()) return corrupt();
  for (const auto& name : unusable) {
    if (!name.is_array() || name.size() != 2 || !name[0].is_string() || !name[1].is_string())
      return corrupt();
    record.unusable.insert({name[0].get<std::string>(), name[1].get<std::string>()});
  }
  return record;
}

Settings read_settings(const config::Config& config, std::uint64_t restore_step,
                       const Record& restored) {
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
