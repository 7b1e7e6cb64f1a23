#pragma once

#include <functional>
#include <map>
#include <string>

// One workload in a process of its own. It says "ready", then answers every line "go" with the wall
// and processor seconds of one iteration, and "end" with its peak resident memory in KiB.
namespace desa2va::bench {

// Builds the model ("fp32" or "bf16") and returns one iteration.
using Workload = std::function<std::function<void()>(const std::string& dtype)>;

// internvit, qwen2, qwen2_recompute, hiera, mask_decoder, tracking.
const std::map<std::string, Workload>& workloads();

int run_worker(const std::string& workload, const std::string& dtype);

}  // namespace desa2va::bench
