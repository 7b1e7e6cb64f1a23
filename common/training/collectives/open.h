#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/training/collectives/collective.h"

namespace desa2va::training {

// The group of `self`'s role in a job of processes: NCCL where `device` is "cuda" or "cuda:N", Gloo
// on the CPU, nothing to do for a single replica. The replicas meet at a file in `meeting_dir`.
// InvalidArgument (exit 2) for a CUDA device in a build without CUDA.
Result<std::unique_ptr<Collective>> open_collective(Rank self, int replicas,
                                                    const std::string& device,
                                                    const std::string& meeting_dir,
                                                    std::function<void()> wake);

}  // namespace desa2va::training
