#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/training/collectives/collective.h"

namespace desa2va::training {

// Replicas in processes of their own, through c10d's Gloo backend over a network interface.
//
// `store_file` is where the replicas find each other: the same path for all, not there before, in a
// directory that the job removes. Blocks until all `size` replicas came or `timeout` passed
// (Timeout names the group). `wake` is called, on another thread, when a sum is complete.
Result<std::unique_ptr<Collective>> open_gloo(const std::string& store_file, int rank, int size,
                                              std::chrono::milliseconds timeout,
                                              std::function<void()> wake);

}  // namespace desa2va::training
