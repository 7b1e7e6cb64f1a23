#include "common/config/run_files.h"
#include "common/protocol/process.h"
#include "common/tensor/device.h"
#include "common/tensor/guarded.h"
#include "common/training/collectives/open.h"
#include "services/decoupler/service.h"

int main(int argc, char** argv) {
  using namespace desa2va;
  tensor::settle_memory();
  return protocol::run_service(
      argc, argv, Role::Decoupler, [](protocol::Process& process) -> Result<int> {
        DESA2VA_ASSIGN(decoupler::Config config, decoupler::read_config(process.config));
        DESA2VA_ASSIGN(config.device, tensor::open_device(process.self, config.device));
        const protocol::Routes routes(process.config);
        DESA2VA_ASSIGN(const auto stage, tensor::guarded([&] {
                         tensor::set_threads(config.threads);
                         return std::make_unique<decoupler::Stage>(config);
                       }));
        const auto wake = [&process] { process.inbox.wake(); };
        DESA2VA_ASSIGN(auto collective,
                       training::open_collective(process.self, routes.replicas(Role::Decoupler),
                                                 config.device, process.socket_dir, wake));
        training::Replica replica(process.self, config::checkpoint_dir(process.run_dir),
                                  config.threads, *stage, std::move(collective), wake);
        decoupler::Service service(process.self, config, routes, *stage, replica, *process.courier);
        DESA2VA_TRY(service.start(
            protocol::facts_of(process.config, Role::Decoupler, tensor::library_facts())));
        return process.run(service);
      });
}
