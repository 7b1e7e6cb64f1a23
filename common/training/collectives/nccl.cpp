#include "common/training/collectives/nccl.h"

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "common/training/collectives/c10d_end.h"

namespace desa2va::training {

Result<std::unique_ptr<Collective>> open_nccl(const std::string& store_file, int rank, int size,
                                              int device, std::chrono::milliseconds timeout,
                                              std::function<void()> wake) {
  try {
    auto store = c10::make_intrusive<c10d::FileStore>(store_file, size);
    store->setTimeout(timeout);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
    group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device)));
    return std::unique_ptr<Collective>(
        std::make_unique<C10dEnd>(std::move(group), std::move(wake)));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fail(Errc::Timeout, "replica {} of {} met no NCCL group at {}: {}", rank, size,
                store_file, what.substr(0, what.find('\n')));
  }
}

}  // namespace desa2va::training
