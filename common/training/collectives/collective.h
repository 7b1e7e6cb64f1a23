#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/result.h"

// Sums over the replicas of one role, without blocking the one who asks.
namespace desa2va::training {

// One replica's end of a group. Belongs to one thread; every replica starts the same sums in the
// same order with the same shapes and types (float32 or int64, on the group's device).
class Collective {
 public:
  virtual ~Collective() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Starts to replace each tensor by its sum over the replicas. The tensors must stay until `poll`
  // said true; they are read and written in the background.
  virtual Result<void> start_sum(std::vector<at::Tensor> tensors) = 0;
  // True when the last start_sum is complete (also if none was started). Unavailable if a replica
  // vanished, Timeout if the group waited too long for one.
  virtual Result<bool> poll() = 0;
};

}  // namespace desa2va::training
