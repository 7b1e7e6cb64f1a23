#include "common/protocol/process.h"
#include "services/coordinator/service.h"

int main(int argc, char** argv) {
  using namespace desa2va;
  return protocol::run_service(
      argc, argv, Role::Coordinator, [](protocol::Process& process) -> Result<int> {
        const SystemClock clock;
        DESA2VA_ASSIGN(
            const auto service,
            coordinator::Service::open(process.config, process.run_dir, *process.courier, clock));
        const int ended = process.run(*service);
        if (ended != 0 || service->outcome().exit_code == 0) return ended;
        return process.refuse(Error(Errc::Cancelled, service->outcome().reason)
                                  .with_exit(static_cast<ExitCode>(service->outcome().exit_code)));
      });
}
