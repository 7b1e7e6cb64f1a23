#include "launcher/run/progress.h"

#include <algorithm>
#include <cmath>

namespace desa2va::launcher {
void Speed::add(const StepLine& line, std::int64_t now_ns) {
  const std::uint64_t before = points_.empty() ? 0 : points_.back().samples;
  points_.push_back({now_ns, line.step, before + line.samples});
  while (points_.size() > 2 && points_[1].at_ns < now_ns - window_ns_) points_.pop_front();
}

std::optional<double> Speed::samples_per_second() const {
  if (points_.size() < 2 || points_.back().at_ns <= points_.front().at_ns) return std::nullopt;
  const double seconds = static_cast<double>(points_.back().at_ns - points_.front().at_ns) * 1e-9;
  return static_cast<double>(points_.back().samples - points_.front().samples) / seconds;
}

std::optional<double> Speed::seconds_for(std::uint64_t steps) const {
  if (points_.size() < 2 || points_.back().step <= points_.front().step) return std::nullopt;
  const double seconds = static_cast<double>(points_.back().at_ns - points_.front().at_ns) * 1e-9;
  return seconds / static_cast<double>(points_.back().step - points_.front().step) *
         static_cast<double>(steps);
}

std::uint64_t BusyShares::busy_of(const tracing::Gauges& gauges) {
  using tracing::Category;
  std::uint64_t busy = 0;
  for (const Category category : {Category::Compute, Category::Transport})
    busy += gauges.busy_ns[static_cast<std::size_t>(category)];
  return busy;
}

void BusyShares::open_new(std::int64_t now_ns) {
  auto rings = tracing::open_rings(run_dir_);
  if (!rings) return;  // none yet
  for (tracing::RingReader& ring : *rings) {
    const Rank rank = ring.rank();
    const auto known = watched_.find(rank);
    if (known != watched_.end() && known->second.ring.pid() == ring.pid()) continue;
    const Seen seen{busy_of(ring.gauges()), now_ns};
    watched_.insert_or_assign(rank, Watched{std::move(ring), seen, seen});
  }
}

std::map<Role, double> BusyShares::poll(std::int64_t now_ns) {
  open_new(now_ns);
  std::map<Role, std::pair<double, int>> sums;
  for (auto& [rank, watched] : watched_) {
    const Seen seen{busy_of(watched.ring.gauges()), now_ns};
    const auto elapsed = static_cast<double>(seen.at_ns - watched.last.at_ns);
    if (elapsed > 0) {
      auto& [sum, count] = sums[rank.role];
      sum += std::min(1.0, static_cast<double>(seen.busy_ns - watched.last.busy_ns) / elapsed);
      ++count;
    }
    watched.last = seen;
  }
  std::map<Role, double> shares;
  for (const auto& [role, sum] : sums) shares[role] = sum.first / sum.second;
  return shares;
}

std::map<Role, double> BusyShares::since_start(std::int64_t now_ns) {
  std::map<Role, std::pair<double, int>> sums;
  for (const auto& [rank, watched] : watched_) {
    const auto elapsed = static_cast<double>(now_ns - watched.first.at_ns);
    if (elapsed <= 0) continue;
    auto& [sum, count] = sums[rank.role];
    sum += static_cast<double>(busy_of(watched.ring.gauges()) - watched.first.busy_ns) / elapsed;
    ++count;
  }
  std::map<Role, double> shares;
  for (const auto& [role, sum] : sums) shares[role] = std::min(1.0, sum.first / sum.second);
  return shares;
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string format_line(const Progress& progress) {
  std::string line;
  const auto add = [&](const std::string& part) { line += (line.empty() ? "" : "  ") + part; };
  if (!progress.state.empty()) add(progress.state);
  if (progress.last) {
    const StepLine& last = *progress.last;
    add(fmt::format("{}  step {}{}", last.phase, last.step,
                    progress.total_steps > 0 ? fmt::format("/{}", progress.total_steps) : ""));
    if (last.skipped) add("skipped");
    if (last.loss) add(fmt::format("loss {:.4g}", *last.loss));
  }
  if (progress.samples_per_second)
    add(fmt::format("{:.1f} samples/s", *progress.samples_per_second));
  if (progress.seconds_left) add(format_seconds(*progress.seconds_left) + " left");
  if (!progress.busy.empty()) {
    std::string busy = "busy";
    for (const auto& [role, share] : progress.busy)
      busy += fmt::format(" {} {:.0f}%", name(role), share * 100);
    add(busy);
  }
  return line;
}

}  // namespace desa2va::launcher
