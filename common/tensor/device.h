#pragma once

#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"

// Where a replica computes.
namespace desa2va::tensor {

// The device as LibTorch names it: "cpu" or "cuda:N". Plain "cuda" is the GPU with the replica's
// own number. Float32 means float32 there: TF32 is switched off for the process. InvalidArgument
// (exit 2) names what was wanted and what this build and machine have.
Result<std::string> find_device(const std::string& wanted, int replica);

// The same for services.<role>.device, which the error then names.
Result<std::string> open_device(Rank self, const std::string& wanted);

// How many CUDA devices this process can use; 0 in a build without CUDA.
int cuda_devices();

}  // namespace desa2va::tensor
