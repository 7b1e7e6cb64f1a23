#include "launcher/run/launch.h"

#include <algorithm>
#include <csignal>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/config/run_files.h"
#include "launcher/run/progress.h"
#include "launcher/run/tails.h"
#include "launcher/run/topology.h"

namespace desa2va::launcher {
namespace {

constexpr int kPollMs = 250;
// For the others to save nothing and leave, once one has failed: the run ends within 5 s.
constexpr int kGraceMs = 2000;

// The wiring of one launch; every decision is Watch's.
class Launch {
 public:
  Launch(const config::Config& config, RunDir& dir, std::uint64_t first_step,
         std::uint64_t last_step, std::size_t processes, supervision::StopSignals& signals,
         Console& console)
      : config_(config),
        dir_(dir),
        signals_(signals),
        console_(console),
        supervisor_(clock_),
        watch_(processes, conductor(config)),
        processes_(processes),
        tail_(config::metrics_file(dir.path()), first_step),
        warnings_(config::events_file(dir.path())),
        busy_(dir.path()),
        started_ns_(clock_.now_ns()) {
    result_.first_step = result_.last_step = first_step;
    progress_.state = "starting";
    progress_.total_steps = last_step;
  }

  Result<void> start(const std::vector<supervision::ProcessSpec>& specs) {
    for (const auto& spec : specs) DESA2VA_TRY(supervisor_.start(spec));
    return {};
  }

  LaunchResult stay() {
    Next next = Next::Wait;
    while (next != Next::End) {
      const int count = signals_.count();  // reads what came; `last` tells of it afterwards
      const Next asked = watch_.on_signals(count, signals_.last());
      act(asked);
      if (asked != Next::Wait) signals_.acknowledge();
      const auto event = supervisor_.wait(kPollMs, signals_.requested() ? -1 : signals_.fd());
      next = event ? take(*event) : Next::Wait;
      act(next);
      if (next == Next::End) break;
      show();
      if (supervisor_.running() == 0 && !event) break;
    }
    return finish();
  }

 private:
  Next take(const supervision::ProcessEvent& event) {
    if (const auto* ready = std::get_if<supervision::Ready>(&event)) {
      ready_.insert(ready->name);
      if (ready_.size() == processes_) {
        progress_.state.clear();
        watch_.on_all_ready();
        dir_.event("ready");
      }
      return Next::Wait;
    }
    auto exited = std::get<supervision::Exited>(event);
    if (exited.well() && !exited.asked && !ready_.contains(exited.name)) {
      // The others would wait for it without end.
      exited.exit_code = static_cast<int>(ExitCode::Service);
      exited.report = {Errc::Internal, exited.exit_code,
                       "it ended before it was ready, and gave no reason"};
    }
    if (!exited.well())
      dir_.event("died", nlohmann::json{{"process", exited.name},
                                        {"pid", exited.pid},
                                        {"exit_code", exited.exit_code},
                                        {"reason", exited.describe()}});
    return watch_.on_exit(exited);
  }

  void act(Next next) {
    switch (next) {
      case Next::AskToFinish:
        console_.say(
            "stopping: finishing the step and writing a checkpoint (Ctrl-C again: at once)");
        dir_.event("stop_requested");
        // Not there any more: then the run is ending already.
        (void)supervisor_.send_signal(conductor(config_), SIGTERM);
        return;
      case Next::Stop:
        console_.say(watch_.failure()->reason);
        end_all(kGraceMs);
        return;
      case Next::Kill:
        console_.say("stopping at once");
        end_all(0);
        return;
      case Next::Wait:
      case Next::End:
        return;
    }
  }

  void end_all(int grace_ms) {
    for (const auto& exited : supervisor_.stop_all(grace_ms)) take(exited);
  }

  void show() {
    const std::int64_t now = clock_.now_ns();
    bool important = false;
    // Until all are ready the coordinator may still cut what a killed run left behind.
    if (progress_.state.empty()) {
      for (const StepLine& line : tail_.poll()) {
        important = important || !progress_.last || progress_.last->phase != line.phase;
        progress_.last = line;
        speed_.add(line, now);
        result_.samples += line.samples;
        result_.last_step = line.step;
      }
      progress_.samples_per_second = speed_.samples_per_second();
      if (progress_.last && progress_.total_steps >= progress_.last->step)
        progress_.seconds_left = speed_.seconds_for(progress_.total_steps - progress_.last->step);
    }
    if (now - busy_ns_ >= 1'000'000'000) {
      progress_.busy = busy_.poll(now);
      busy_ns_ = now;
    }
    for (const std::string& line : warnings_.poll()) console_.say(line);
    console_.progress(format_line(progress_), now, important);
  }

  LaunchResult finish() {
    progress_.state.clear();
    show();
    result_.busy = busy_.since_start(clock_.now_ns());
    result_.step_time = step_time_of(config_);
    result_.failure = watch_.failure();
    result_.interrupted = watch_.interrupted();
    result_.exit_code = watch_.exit_code();
    result_.seconds = static_cast<double>(clock_.now_ns() - started_ns_) * 1e-9;
    return std::move(result_);
  }

  const config::Config& config_;
  RunDir& dir_;
  supervision::StopSignals& signals_;
  Console& console_;
  SystemClock clock_;
  supervision::Supervisor supervisor_;
  Watch watch_;
  const std::size_t processes_;
  std::set<std::string> ready_;  // names
  MetricsTail tail_;
  WarningTail warnings_;
  Speed speed_;
  BusyShares busy_;
  std::int64_t busy_ns_ = 0;
  std::int64_t started_ns_;
  Progress progress_;
  LaunchResult result_;
};

}  // namespace

Result<LaunchResult> launch(const config::Config& config, RunDir& dir, const std::string& programs,
                            std::uint64_t first_step, std::uint64_t last_step,
                            supervision::StopSignals& signals, Console& console) {
  const auto specs = processes_of(config, dir.path(), programs);
  DESA2VA_TRY(check_programs(specs));
  DESA2VA_TRY(dir.make_socket_dir());
  dir.event("launched", nlohmann::json{{"processes", specs.size()}, {"from_step", first_step}});
  Launch run(config, dir, first_step, last_step, specs.size(), signals, console);
  DESA2VA_TRY(run.start(specs));
  return run.stay();
}

}  // namespace desa2va::launcher
