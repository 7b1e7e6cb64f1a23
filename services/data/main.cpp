#include "common/protocol/process.h"
#include "services/data/memory.h"
#include "services/data/service.h"

int main(int argc, char** argv) {
  using namespace desa2va;
  data::keep_memory_flat();
  return protocol::run_service(
      argc, argv, Role::Data, [](protocol::Process& process) -> Result<int> {
        const SystemClock clock;
        const protocol::Routes routes(process.config);
        DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(process.config));
        DESA2VA_ASSIGN(auto stage, data::DataStage::open(process.config, &clock, &process.tracer));
        data::Service service(process.self, process.config, routes, plan, stage, *process.courier,
                              clock, [&process] { process.inbox.wake(); });
        DESA2VA_TRY(service.start(protocol::facts_of(process.config, Role::Data)));
        return process.run(service);
      });
}
