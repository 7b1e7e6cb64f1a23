#include "common/config/load.h"
#include "common/protocol/process.h"
#include "common/tensor/guarded.h"
#include "services/monolith/service.h"

int main(int argc, char** argv) {
  using namespace desa2va;
  tensor::settle_memory();
  return protocol::run_alone(argc, argv, [](protocol::Process& process) -> Result<int> {
    const SystemClock clock;
    DESA2VA_ASSIGN(const auto service,
                   monolith::Service::open(process.config, process.run_dir, clock));
    const int ended = process.run(*service, service->inbox());
    if (ended != 0 || service->outcome().exit_code == 0) return ended;
    return process.refuse(Error(Errc::Cancelled, service->outcome().reason)
                              .with_exit(static_cast<ExitCode>(service->outcome().exit_code)));
  });
}
