#include "common/training/collectives/open.h"

#include "common/training/collectives/gloo.h"
#include "common/training/collectives/loopback.h"

namespace desa2va::training {

Result<std::unique_ptr<Collective>> open_collective(Rank self, int replicas,
                                                    const std::string& meeting_dir,
                                                    std::function<void()> wake) {
  if (replicas == 1) return LoopbackGroup(1).end(0);
  return open_gloo(meeting_dir + "/" + std::string(name(self.role)) + ".store", self.index, replicas,
                   std::chrono::seconds(60), std::move(wake));
}

}  // namespace desa2va::training
