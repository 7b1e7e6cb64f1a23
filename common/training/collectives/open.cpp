#include "common/training/collectives/open.h"

#include "common/training/collectives/gloo.h"
#include "common/training/collectives/loopback.h"
#ifdef DESA2VA_WITH_CUDA
#include "common/training/collectives/nccl.h"
#endif

namespace desa2va::training {
namespace {

constexpr std::chrono::seconds kMeeting{60};

// "cuda:3" is 3, "cuda" is the replica's own number.
[[maybe_unused]] int device_index(const std::string& device, int replica) {
  const auto colon = device.find(':');
  return colon == std::string::npos ? replica : std::stoi(device.substr(colon + 1));
}

}  // namespace

Result<std::unique_ptr<Collective>> open_collective(Rank self, int replicas,
                                                    const std::string& device,
                                                    const std::string& meeting_dir,
                                                    std::function<void()> wake) {
  const bool cuda = device.starts_with("cuda");
#ifndef DESA2VA_WITH_CUDA
  if (cuda)
    return fail(Errc::InvalidArgument,
                "services.{}.device: {}; this build knows the CPU only. Build with cmake --preset "
                "cuda, or set it to cpu",
                name(self.role), device)
        .with_exit(ExitCode::Usage);
#endif
  if (replicas == 1) return LoopbackGroup(1).end(0);
  const std::string file = meeting_dir + "/" + std::string(name(self.role)) + ".store";
#ifdef DESA2VA_WITH_CUDA
  if (cuda)
    return open_nccl(file, self.index, replicas, device_index(device, self.index), kMeeting,
                     std::move(wake));
#endif
  return open_gloo(file, self.index, replicas, kMeeting, std::move(wake));
}

}  // namespace desa2va::training
