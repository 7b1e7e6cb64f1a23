#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/config/config.h"

namespace desa2va::protocol {

// Who works on which microbatch: a function of the configuration, so nobody negotiates. Microbatch
// m of a step (0 <= m < M) goes to replica m mod N(role) of every role.
class Routes {
 public:
  explicit Routes(const config::Config& config);

  std::int64_t microbatches() const { return microbatches_; }  // M, of a step
  int replicas(Role role) const { return replicas_[static_cast<std::size_t>(role)]; }
  Rank at(Role role, std::int64_t m) const { return {role, static_cast<int>(m % replicas(role))}; }
  bool mine(Rank self, std::int64_t m) const { return at(self.role, m) == self; }

  // Global numbers, counted over the run from 0; steps count from 1.
  std::uint64_t global(std::uint64_t step, std::int64_t m) const {
    return (step - 1) * static_cast<std::uint64_t>(microbatches_) + static_cast<std::uint64_t>(m);
  }
  std::int64_t within_step(std::uint64_t global) const {
    return static_cast<std::int64_t>(global % static_cast<std::uint64_t>(microbatches_));
  }
  std::uint64_t step_of(std::uint64_t global) const {
    return global / static_cast<std::uint64_t>(microbatches_) + 1;
  }
  // Global numbers of `self` in this step, ascending.
  std::vector<std::uint64_t> of_step(Rank self, std::uint64_t step) const;

 private:
  std::int64_t microbatches_;
  std::array<int, kRoles.size()> replicas_;
};

}  // namespace desa2va::protocol
