#pragma once

#include <memory>
#include <vector>

#include "common/training/collectives/collective.h"

namespace desa2va::training {

// Replicas that live on one thread (the monolith, tests): the last one to start adds, in rank
// order. Also the group of a single replica, where a sum is what it was.
//
// One per role; hands out its ends. The ends keep the shared part alive.
class LoopbackGroup {
 public:
  explicit LoopbackGroup(int size);
  std::unique_ptr<Collective> end(int rank);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace desa2va::training
