#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/training/collectives/collective.h"

namespace desa2va::training {

// Replicas with a GPU each, through c10d's NCCL backend; compiled where DESA2VA_CUDA is on.
//
// `store_file` is where the replicas find each other, as for Gloo. `device`: the CUDA device of
// this replica; every tensor to sum lives on it. `wake` is called, on another thread, when a sum is
// complete.
Result<std::unique_ptr<Collective>> open_nccl(const std::string& store_file, int rank, int size,
                                              int device, std::chrono::milliseconds timeout,
                                              std::function<void()> wake);

}  // namespace desa2va::training
