#include "common/runtime/supervision/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstring>

#include "common/runtime/supervision/child.h"

namespace desa2va::supervision {

std::string Exited::describe() const {
  const std::string who = fmt::format("{} (pid {})", name, pid);
  if (report) return fmt::format("{}: {}", who, report->message);
  if (signal != 0) return fmt::format("{} was killed by SIG{}", who, sigabbrev_np(signal));
  return fmt::format("{} exited with code {}", who, exit_code);
}

const Exited* first_cause(const std::vector<Exited>& exits) {
  const Exited* cause = nullptr;
  for (const Exited& exited : exits) {
    if (exited.well()) continue;
    const bool lost_a_peer = exited.report && exited.report->code == Errc::Unavailable;
    if (!lost_a_peer) return &exited;
    if (cause == nullptr) cause = &exited;
  }
  return cause;
}

Supervisor::Supervisor(const Clock& clock) : clock_(clock), guard_(std::make_unique<Guard>()) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Supervisor::~Supervisor() {
  stop_all(0);
}

Result<void> Supervisor::start(const ProcessSpec& spec) {
  DESA2VA_ASSIGN(std::unique_ptr<Child> child, Child::start(spec));
  guard_->watch(child->pid());
  children_.push_back(std::move(child));
  return {};
}

Exited Supervisor::reap(std::size_t index) {
  const std::unique_ptr<Child> child = std::move(children_[index]);
  children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
  Exited exited = child->collect();
  guard_->forget(child->pid());
  return exited;
}

// What happened already; looks without waiting.
std::optional<ProcessEvent> Supervisor::take_event() {
  for (const auto& child : children_)
    if (child->line_fd() >= 0 && child->read_line()) return Ready{child->name()};
  for (std::size_t i = 0; i < children_.size(); ++i) {
    pollfd ended{children_[i]->pidfd(), POLLIN, 0};
    if (poll(&ended, 1, 0) == 1) return reap(i);
  }
  return std::nullopt;
}

std::optional<ProcessEvent> Supervisor::wait(int timeout_ms, int other_fd) {
  const std::int64_t deadline_ns = clock_.now_ns() + std::int64_t{timeout_ms} * 1'000'000;
  while (true) {
    if (auto event = take_event()) return event;
    std::vector<pollfd> fds = {{other_fd, POLLIN, 0}};  // poll passes over a negative one
    for (const auto& child : children_) {
      fds.push_back({child->pidfd(), POLLIN, 0});
      fds.push_back({child->line_fd(), POLLIN, 0});
    }
    const std::int64_t left_ms = (deadline_ns - clock_.now_ns() + 999'999) / 1'000'000;
    const int wait_ms = timeout_ms < 0 ? -1 : static_cast<int>(std::max<std::int64_t>(left_ms, 0));
    // A process may say something that is no event yet: then wait for the rest of the time.
    if (poll(fds.data(), fds.size(), wait_ms) <= 0 || fds[0].revents != 0) return take_event();
  }
}

std::vector<std::string> Supervisor::names() const {
  std::vector<std::string> names;
  for (const auto& child : children_) names.push_back(child->name());
  return names;
}

std::int64_t Supervisor::pid(const std::string& name) const {
  for (const auto& child : children_)
    if (child->name() == name) return child->pid();
  return 0;
}

Result<void> Supervisor::send_signal(const std::string& name, int signal) {
  for (const auto& child : children_) {
    if (child->name() != name) continue;
    child->signal(signal, signal == SIGTERM || signal == SIGINT);
    return {};
  }
  return fail(Errc::NotFound, "no process {} is running", name);
}

std::vector<Exited> Supervisor::stop_all(int grace_ms) {
  std::vector<Exited> exits;
  const auto collect_until = [&](std::int64_t deadline_ns) {
    while (!children_.empty()) {
      const std::int64_t left_ms = (deadline_ns - clock_.now_ns()) / 1'000'000;
      if (left_ms < 0) return;
      auto event = wait(static_cast<int>(left_ms));
      if (event && std::holds_alternative<Exited>(*event))
        exits.push_back(std::get<Exited>(std::move(*event)));
    }
  };
  if (grace_ms > 0) {
    for (const auto& child : children_) child->signal(SIGTERM, true);
    collect_until(clock_.now_ns() + std::int64_t{grace_ms} * 1'000'000);
  }
  for (const auto& child : children_) child->signal(SIGKILL, true);
  while (!children_.empty()) {
    auto event = wait(-1);
    if (event && std::holds_alternative<Exited>(*event))
      exits.push_back(std::get<Exited>(std::move(*event)));
  }
  return exits;
}

}  // namespace desa2va::supervision
