#include "services/coordinator/service.h"

#include "common/config/load.h"
#include "common/config/run_files.h"
#include "services/coordinator/config.h"

namespace desa2va::coordinator {

Result<std::unique_ptr<Service>> Service::open(const config::Config& config,
                                               const std::string& run_dir,
                                               protocol::Courier& courier, const Clock& clock) {
  DESA2VA_ASSIGN(const auto plan, protocol::RunPlan::of(config));
  DESA2VA_ASSIGN(auto catalog, checkpoint::Catalog::open(config::checkpoint_dir(run_dir)));
  DESA2VA_ASSIGN(const auto last, catalog.last_step());
  DESA2VA_ASSIGN(auto log, RunLog::open(run_dir, last.value_or(0), clock));
  std::map<std::string, std::string> facts;
  if (last) {
    DESA2VA_ASSIGN(auto manifest, catalog.load(*last));
    facts = std::move(manifest.facts);
  }
  DESA2VA_ASSIGN(const Record record, record_of(facts));
  auto service = std::unique_ptr<Service>(
      new Service(config, courier, std::move(catalog), std::move(log),
                  Stage(plan, read_settings(config, last.value_or(0), record))));
  service->facts_of_checkpoint_ = std::move(facts);
  return service;
}

Service::Service(const config::Config& config, protocol::Courier& courier,
                 checkpoint::Catalog catalog, RunLog log, Stage stage)
    : config_(config),
      courier_(courier),
      catalog_(std::move(catalog)),
      log_(std::move(log)),
      stage_(std::move(stage)) {}

void Service::on_stop() {
  stop_requested_ = true;
}

Result<bool> Service::pump() {
  DESA2VA_ASSIGN(bool worked, courier_.flush());
  if (std::exchange(stop_requested_, false)) {
    DESA2VA_TRY(decide(StopRequested{}));
    worked = true;
  }
  while (!finished_) {
    DESA2VA_ASSIGN(auto arrival, courier_.next());
    if (!arrival) break;
    worked = true;
    DESA2VA_ASSIGN(FromRank event, decode(arrival->from, arrival->message));
    if (const auto* hello = std::get_if<messages::Hello>(&event.what))
      DESA2VA_TRY(remember(*hello));
    if (const auto* figures = std::get_if<messages::Figures>(&event.what)) {
      figures_.add(event.rank, *figures);
      continue;
    }
    DESA2VA_TRY(decide(event));
  }
  return worked;
}

Result<void> Service::remember(const messages::Hello& hello) {
  for (const auto& [name, value] : hello.facts) {
    const bool news = facts_.insert_or_assign(name, value).second;
    const auto before = facts_of_checkpoint_.find(name);
    if (!news || before == facts_of_checkpoint_.end() || before->second == value) continue;
    DESA2VA_TRY(log_.event("bits_may_differ",
                           fmt::format("\"fact\":\"{}\",\"checkpoint\":\"{}\",\"now\":\"{}\"", name,
                                       before->second, value)));
  }
  return {};
}

Result<void> Service::decide(const Happened& event) {
  DESA2VA_ASSIGN(const std::vector<Command> commands, [&] {
    auto span = courier_.tracer().span(tracing::Span::Decide);
    return stage_.decide(event);
  }());
  for (const Command& command : commands) {
    Result<void> done;
    std::visit([&](const auto& what) { done = act(what); }, command);
    DESA2VA_TRY(std::move(done));
  }
  return {};
}

Result<void> Service::act(const Send& command) {
  Result<void> sent;
  const protocol::Stamp stamp{command.step.phase, command.step.step, 0, false};
  std::visit([&](const auto& what) { sent = courier_.send(command.to, what, stamp); },
             command.what);
  return sent;
}

Result<void> Service::act(const WriteMetrics& command) {
  auto span = courier_.tracer().span(tracing::Span::WriteMetrics);
  courier_.tracer().set_step(command.metrics.step, command.metrics.phase);
  return log_.metrics(command.metrics, figures_.take());
}

Result<void> Service::act(const WriteEvent& command) {
  return log_.event(command.kind, command.json);
}

// A failed commit is news for the stage, not a failure of the service: training goes on.
Result<void> Service::act(const CommitCheckpoint& command) {
  auto span = courier_.tracer().span(tracing::Span::Save);
  return decide(CheckpointCommitted{command.step, commit(command)});
}

Result<void> Service::commit(const CommitCheckpoint& command) {
  checkpoint::Manifest manifest;
  manifest.step = command.step;
  manifest.phase = command.phase;
  manifest.position = command.position;
  manifest.facts = facts_;
  put_record(command.record, manifest.facts);
  manifest.config = config::to_yaml(config_);
  for (const Buffer& receipt : command.receipts) {
    DESA2VA_ASSIGN(const auto decoded, checkpoint::decode_receipt(receipt.bytes()));
    DESA2VA_TRY(manifest.add(decoded));
  }
  // The line of the step is on disk before the checkpoint that a resume starts from.
  DESA2VA_TRY(log_.sync());
  DESA2VA_TRY(catalog_.commit(manifest));
  const auto also =
      config_.checkpoint.phase_ends ? stage_.plan().phase_ends() : std::vector<std::uint64_t>();
  DESA2VA_ASSIGN([[maybe_unused]] const auto removed,
                 catalog_.gc(static_cast<std::size_t>(config_.checkpoint.keep), also));
  return {};
}

Result<void> Service::act(const Finish& command) {
  outcome_ = command;
  finished_ = true;
  return log_.event("finished", fmt::format("\"step\":{},\"exit_code\":{}", stage_.committed_step(),
                                            command.exit_code));
}

}  // namespace desa2va::coordinator
