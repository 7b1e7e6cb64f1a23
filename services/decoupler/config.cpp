#include "services/decoupler/config.h"

namespace desa2va::decoupler {

Result<Config> read_config(const config::Config& config) {
  const auto& service = config.service(Role::Decoupler);
  if (service.replicas != 1)
    return fail(Errc::InvalidArgument,
                "services.decoupler.replicas: {}; allowed: 1 (the FIFO of pairs and the "
                "discriminators see every [SEG] of a step in one order)",
                service.replicas)
        .with_exit(ExitCode::Usage);
  return Config{config.model,
                parameters::preset_of(config),
                config::has_decoupling(config.preset) ? "desa2va"
                : config::has_phase_a(config.preset)  ? "baseline_pretrain"
                                                      : "baseline",
                static_cast<std::uint64_t>(config.run.seed),
                config.train.micro_batches,
                config.train,
                service.device,
                static_cast<int>(service.threads)};
}

}  // namespace desa2va::decoupler
