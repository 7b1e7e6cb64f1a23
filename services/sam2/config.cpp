#include "services/sam2/config.h"

#include "common/protocol/run_plan.h"

namespace desa2va::sam2 {

Result<Config> read_config(const config::Config& config) {
  DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(config));
  const auto& service = config.service(Role::Sam2);
  return Config{config.model,
                parameters::preset_of(config),
                config::has_decoupling(config.preset) ? "desa2va"
                : config::has_phase_a(config.preset)  ? "baseline_pretrain"
                                                      : "baseline",
                static_cast<std::uint64_t>(config.run.seed),
                config.train.micro_batches,
                service.in_flight,
                static_cast<std::uint64_t>(plan.lengths().a),
                config.data.mask_resize == "center",
                config.train,
                service.device,
                static_cast<int>(service.threads)};
}

}  // namespace desa2va::sam2
