#include "services/monolith/service.h"

#include "common/config/run_files.h"
#include "services/data/service.h"
#include "services/decoupler/service.h"
#include "services/mllm/service.h"
#include "services/monolith/member.h"
#include "services/sam2/service.h"

namespace desa2va::monolith {
namespace {

class DataMember final : public Service::Member {
 public:
  static Result<std::unique_ptr<Service::Member>> open(Rank self, const Parts& parts) {
    DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(parts.config));
    auto member = std::unique_ptr<DataMember>(new DataMember(parts.config, plan));
    member->self = self;
    DESA2VA_TRY(connect(*member, parts));
    DESA2VA_ASSIGN(auto stage, data::DataStage::open(parts.config, &parts.clock, &member->tracer));
    member->stage_ = std::make_unique<data::DataStage>(std::move(stage));
    member->service_ =
        std::make_unique<data::Service>(self, parts.config, member->routes_, member->plan_,
                                        *member->stage_, *member->courier, parts.clock, parts.wake);
    DESA2VA_TRY(member->service_->start(protocol::facts_of(parts.config, self.role)));
    return std::unique_ptr<Service::Member>(std::move(member));
  }
  Result<bool> pump() override { return service_->pump(); }
  bool finished() const override { return service_->finished(); }

 private:
  DataMember(const config::Config& run, const protocol::RunPlan& plan)
      : routes_(run), plan_(plan) {}
  const protocol::Routes routes_;
  const protocol::RunPlan plan_;
  std::unique_ptr<data::DataStage> stage_;
  std::unique_ptr<data::Service> service_;
};

class CoordinatorMember final : public Service::Member {
 public:
  static Result<std::unique_ptr<CoordinatorMember>> open(const Parts& parts) {
    auto member = std::make_unique<CoordinatorMember>();
    member->self = {Role::Coordinator, 0};
    DESA2VA_TRY(connect(*member, parts));
    DESA2VA_ASSIGN(member->service, coordinator::Service::open(parts.config, parts.run_dir,
                                                               *member->courier, parts.clock));
    return member;
  }
  Result<bool> pump() override { return service->pump(); }
  bool finished() const override { return service->finished(); }

  std::unique_ptr<coordinator::Service> service;
};

// Every replica of a role that trains; they share a group for their sums.
template <class RoleMember, class RoleConfig>
Result<void> open_role(Role role, Result<RoleConfig> config, const Parts& parts,
                       std::vector<std::unique_ptr<Service::Member>>& into) {
  if (!config) return std::move(config.error());
  const auto replicas = static_cast<int>(parts.config.service(role).replicas);
  training::LoopbackGroup group(replicas);
  for (int i = 0; i < replicas; ++i) {
    DESA2VA_ASSIGN(auto member, RoleMember::open({role, i}, *config, parts, group));
    into.push_back(std::move(member));
  }
  return {};
}

}  // namespace

Result<void> connect(Service::Member& member, const Parts& parts) {
  if (parts.config.trace.enabled) {
    DESA2VA_ASSIGN(
        member.tracer,
        tracing::Tracer::open(
            config::run_file(parts.run_dir, "trace/" + to_string(member.self) + ".ring"),
            member.self, parts.clock, static_cast<std::size_t>(parts.config.trace.ring_bytes)));
  }
  for (const transport::Edge& edge : protocol::edges_of_job(parts.config)) {
    if (edge.from != member.self && edge.to != member.self) continue;
    DESA2VA_ASSIGN(auto endpoint, parts.network.open(edge, member.self,
                                                     protocol::edge_options(parts.config, edge)));
    member.inbox.add(edge.from == member.self ? edge.to : edge.from, std::move(endpoint));
  }
  member.courier.emplace(member.self, 1, member.inbox, member.tracer);
  return {};
}

Service::Service() = default;
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(const config::Config& config,
                                               const std::string& run_dir, const Clock& clock) {
  auto service = std::unique_ptr<Service>(new Service());
  auto& members = service->members_;
  // The coordinator first: it cuts the logs and opens the store; it is pumped last.
  auto* const waker = service.get();
  const Parts parts{config, run_dir, clock, service->network_,
                    [waker] { waker->members_.back()->inbox.wake(); }};
  DESA2VA_ASSIGN(auto coordinator, CoordinatorMember::open(parts));
  for (int i = 0; i < config.service(Role::Data).replicas; ++i) {
    DESA2VA_ASSIGN(auto member, DataMember::open({Role::Data, i}, parts));
    members.push_back(std::move(member));
  }
  using MllmMember = TrainingMember<mllm::Config, mllm::Stage, mllm::Service>;
  using DecouplerMember = TrainingMember<decoupler::Config, decoupler::Stage, decoupler::Service>;
  using Sam2Member = TrainingMember<sam2::Config, sam2::Stage, sam2::Service>;
  DESA2VA_TRY(open_role<MllmMember>(Role::Mllm, mllm::read_config(config), parts, members));
  DESA2VA_TRY(
      open_role<DecouplerMember>(Role::Decoupler, decoupler::read_config(config), parts, members));
  DESA2VA_TRY(open_role<Sam2Member>(Role::Sam2, sam2::read_config(config), parts, members));
  members.push_back(std::move(coordinator));
  return service;
}

Result<bool> Service::pump() {
  bool worked = false;
  for (const auto& member : members_) {
    if (member->finished()) continue;
    auto done = member->pump();
    if (!done) return std::move(done.error()).in(to_string(member->self));
    worked = worked || *done;
  }
  return worked;
}

bool Service::finished() const {
  for (const auto& member : members_) {
    if (!member->finished()) return false;
  }
  return true;
}

transport::Inbox& Service::inbox() {
  return members_.back()->inbox;
}

void Service::on_stop() {
  static_cast<CoordinatorMember&>(*members_.back()).service->on_stop();
}

const coordinator::Finish& Service::outcome() const {
  return static_cast<const CoordinatorMember&>(*members_.back()).service->outcome();
}

}  // namespace desa2va::monolith
