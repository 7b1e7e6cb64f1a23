#include "common/protocol/routes.h"

namespace desa2va::protocol {

Routes::Routes(const config::Config& config) : microbatches_(config.train.micro_batches) {
  for (const Role role : kRoles)
    replicas_[static_cast<std::size_t>(role)] = static_cast<int>(config.service(role).replicas);
}

std::vector<std::uint64_t> Routes::of_step(Rank self, std::uint64_t step) const {
  std::vector<std::uint64_t> own;
  for (std::int64_t m = self.index; m < microbatches_; m += replicas(self.role))
    own.push_back(global(step, m));
  return own;
}

}  // namespace desa2va::protocol
