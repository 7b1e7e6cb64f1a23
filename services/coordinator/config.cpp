#include "services/coordinator/config.h"

namespace desa2va::coordinator {

Settings read_settings(const config::Config& config, std::uint64_t restore_step) {
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
  return settings;
}

}  // namespace desa2va::coordinator
