#include "common/training/collectives/gloo.h"

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "common/training/collectives/c10d_end.h"

namespace desa2va::training {
Result<std::unique_ptr<Collective>> open_gloo(const std::string& store_file, int rank, int size,
                                              std::chrono::milliseconds timeout,
                                              std::function<void()> wake) {
  try {
    auto store = c10::make_intrusive<c10d::FileStore>(store_file, size);
    store->setTimeout(timeout);
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    options->threads = 1;
    auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    return std::unique_ptr<Collective>(
        std::make_unique<C10dEnd>(std::move(group), std::move(wake)));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fail(Errc::Timeout, "replica {} of {} met no group at {}: {}", rank, size, store_file,
                what.substr(0, what.find('\n')));
  }
}

}  // namespace desa2va::training
