#pragma once

#include <memory>
#include <string>

#include "common/config/config.h"
#include "common/protocol/courier.h"
#include "common/protocol/process.h"
#include "common/tensor/device.h"
#include "common/tensor/guarded.h"
#include "common/training/collectives/loopback.h"
#include "common/training/replica/replica.h"
#include "services/monolith/service.h"

namespace desa2va::monolith {

// One rank of the monolith.
class Service::Member {
 public:
  virtual ~Member() = default;
  virtual Result<bool> pump() = 0;
  virtual bool finished() const = 0;

  Rank self;
  transport::Inbox inbox;
  tracing::Tracer tracer;
  std::optional<protocol::Courier> courier;
};

// What all ranks of the monolith are built from.
struct Parts {
  const config::Config& config;
  const std::string& run_dir;
  const Clock& clock;
  transport::LoopbackNetwork& network;
  std::function<void()> wake;
};

// Trace, edges and courier of a member.
Result<void> connect(Service::Member& member, const Parts& parts);

// A role that trains: mllm, decoupler, sam2. `RoleConfig`, `RoleStage` and `RoleService` are the
// types of its folder.
template <class RoleConfig, class RoleStage, class RoleService>
class TrainingMember final : public Service::Member {
 public:
  static Result<std::unique_ptr<Service::Member>> open(Rank self, RoleConfig config,
                                                       const Parts& parts,
                                                       training::LoopbackGroup& group) {
    DESA2VA_ASSIGN(config.device, tensor::open_device(self, config.device));
    auto member = std::unique_ptr<TrainingMember>(new TrainingMember(config, parts.config));
    member->self = self;
    DESA2VA_TRY(connect(*member, parts));
    DESA2VA_ASSIGN(member->stage_, tensor::guarded([&] {
                     tensor::set_threads(config.threads);
                     return std::make_unique<RoleStage>(member->config_);
                   }));
    member->replica_ = std::make_unique<training::Replica>(
        self, config::checkpoint_dir(parts.run_dir), config.threads, *member->stage_,
        group.end(self.index), parts.wake);
    member->service_ =
        std::make_unique<RoleService>(self, member->config_, member->routes_, *member->stage_,
                                      *member->replica_, *member->courier);
    DESA2VA_TRY(member->service_->start(
        protocol::facts_of(parts.config, self.role, tensor::library_facts())));
    return std::unique_ptr<Service::Member>(std::move(member));
  }

  Result<bool> pump() override { return service_->pump(); }
  bool finished() const override { return service_->finished(); }

 private:
  TrainingMember(RoleConfig config, const config::Config& run)
      : config_(std::move(config)), routes_(run) {}

  const RoleConfig config_;
  const protocol::Routes routes_;
  std::unique_ptr<RoleStage> stage_;
  std::unique_ptr<training::Replica> replica_;
  std::unique_ptr<RoleService> service_;
};

}  // namespace desa2va::monolith
