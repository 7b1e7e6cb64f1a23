#include "common/runtime/tracing/explain.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "common/runtime/tracing/critical_path.h"

namespace desa2va::tracing {
namespace {

constexpr std::size_t kFewestSpans = 20;  // of work, of each role but the coordinator
constexpr std::uint64_t kFewestSteps = 3;
constexpr double kLeastCoverage = 0.5;  // of a rank's time by spans of any kind
constexpr double kEqual = 0.9;          // the second role has this much of the first

std::uint64_t count_steps(const std::vector<Timeline>& timelines, const Window& window,
                          double& step_seconds) {
  std::uint64_t most = 0;
  for (const Timeline& timeline : timelines) {
    std::vector<std::int64_t> ends;
    for (const TimedSpan& span : timeline.spans) {
      if (span.name == info(Span::OptimizerStep).name && span.end_ns >= window.begin_ns &&
          span.end_ns <= window.end_ns) {
        ends.push_back(span.end_ns);
      }
    }
    if (ends.size() <= most) continue;
    most = ends.size();
    if (most >= 2) {
      step_seconds =
          static_cast<double>(ends.back() - ends.front()) * 1e-9 / static_cast<double>(most - 1);
    }
  }
  return most;
}

constexpr std::size_t kShown = 4;

// The working spans of further threads, as shares of `seconds` for each thread.
NamedShares largest_of_workers(const std::vector<ThreadTime>& threads, double seconds) {
  std::map<std::string, double> sums;
  for (std::size_t i = 1; i < threads.size(); ++i) {
    for (const auto& [name, time] : threads[i].by_name) sums[std::string(name)] += time;
  }
  const auto workers = static_cast<double>(threads.size() - 1);
  NamedShares shares;
  for (const auto& [name, time] : sums) shares.emplace_back(name, time / (seconds * workers));
  std::stable_sort(shares.begin(), shares.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  shares.resize(std::min(shares.size(), kShown));
  return shares;
}

RankShare share_of(const Timeline& timeline, const Window& window) {
  RankShare share;
  share.rank = timeline.rank;
  const std::vector<ThreadTime> threads = split_time(timeline, window);
  if (threads.empty()) return share;
  const double total = window.seconds();
  const ThreadTime& service = threads.front();
  double accounted = 0;
  for (std::size_t i = 0; i < kCategoryCount; ++i) {
    share.category[i] = service.seconds[i] / total;
    accounted += share.category[i];
  }
  share.commit_wait = std::max(
      0.0, service.waiting / total - share.category[static_cast<std::size_t>(Category::WaitInput)] -
               share.category[static_cast<std::size_t>(Category::WaitCredit)]);
  share.unaccounted = std::max(0.0, 1 - accounted);
  for (const ThreadTime& thread : threads)
    share.busy = std::max(share.busy, thread.working / total);
  for (const auto& [name, seconds] : service.by_name) {
    if (share.largest.size() == kShown) break;
    share.largest.emplace_back(name, seconds / total);
  }
  share.workers = threads.size() - 1;
  if (share.workers > 0) share.worker_largest = largest_of_workers(threads, total);
  return share;
}

bool one_process(const std::vector<Timeline>& timelines) {
  return timelines.size() > 1 &&
         std::all_of(timelines.begin(), timelines.end(), [&](const Timeline& timeline) {
           return timeline.pid == timelines.front().pid;
         });
}

// What is missing for a verdict; empty if nothing is.
std::string missing_evidence(const std::vector<Timeline>& timelines, const Explanation& so_far) {
  const bool monolith = one_process(timelines);
  double covered_by_all = 0;
  for (const Role role : {Role::Data, Role::Mllm, Role::Decoupler, Role::Sam2}) {
    const auto of_role = [&](const Timeline& timeline) { return timeline.rank.role == role; };
    const auto found = std::find_if(timelines.begin(), timelines.end(), of_role);
    if (found == timelines.end()) return fmt::format("there is no trace of {}", name(role));
    const auto work = std::count_if(found->spans.begin(), found->spans.end(),
                                    [](const TimedSpan& span) { return !span.waits(); });
    if (static_cast<std::size_t>(work) < kFewestSpans) {
      return fmt::format("{} has {} spans of work, {} are needed", name(role), work, kFewestSpans);
    }
  }
  if (so_far.window_seconds <= 0) return "the traces of the roles do not overlap in time";
  if (so_far.steps < kFewestSteps)
    return fmt::format("{} steps were seen, {} are needed", so_far.steps, kFewestSteps);
  for (const RankShare& rank : so_far.ranks) {
    covered_by_all += 1 - rank.unaccounted;
    if (!monolith && rank.rank.role != Role::Coordinator && 1 - rank.unaccounted < kLeastCoverage) {
      return fmt::format("spans cover {:.0f} % of the time of {}, {:.0f} % are needed",
                         100 * (1 - rank.unaccounted), to_string(rank.rank), 100 * kLeastCoverage);
    }
  }
  if (monolith && covered_by_all < kLeastCoverage)
    return fmt::format("spans cover {:.0f} % of the time", 100 * covered_by_all);
  return {};
}

// The share of a role: of its replicas the largest for `busy`, the sum for the path.
struct RoleShare {
  Role role;
  double critical;
  double busy;
};
std::vector<RoleShare> by_role(const std::vector<RankShare>& ranks) {
  std::vector<RoleShare> roles;
  for (const RankShare& rank : ranks) {
    if (roles.empty() || roles.back().role != rank.rank.role)
      roles.push_back({rank.rank.role, 0, 0});
    roles.back().critical += rank.critical;
    roles.back().busy = std::max(roles.back().busy, rank.busy);
  }
  std::stable_sort(roles.begin(), roles.end(),
                   [](const RoleShare& a, const RoleShare& b) { return a.critical > b.critical; });
  return roles;
}

// "sam2-0 waits 91 % of the time for the commit (...)": the longest wait of one of the role's
// ranks.
std::string longest_wait(const std::vector<RankShare>& ranks, Role role) {
  double longest = -1;
  std::string words;
  for (const RankShare& rank : ranks) {
    if (rank.rank.role != role) continue;
    const auto consider = [&](double share, std::string_view what) {
      if (share <= longest) return;
      longest = share;
      words = fmt::format("{} waits {:.0f} % of the time for {}", to_string(rank.rank), 100 * share,
                          what);
    };
    consider(rank.category[static_cast<std::size_t>(Category::WaitInput)], "input");
    consider(rank.category[static_cast<std::size_t>(Category::WaitCredit)], "credit");
    consider(rank.commit_wait,
             "the commit (the reduction among replicas, or the coordinator's word)");
  }
  return words;
}

void judge(Explanation& explanation, bool monolith) {
  const std::vector<RoleShare> roles = by_role(explanation.ranks);
  const RoleShare& first = roles[0];
  if (explanation.between > first.critical) {
    explanation.verdict = fmt::format(
        "No role bounds the step: {:.0f} % of the critical path lies between processes (messages "
        "on their way, reductions among replicas, processes waiting for a processor); the largest "
        "role in it is {} with {:.0f} %, and {}.",
        100 * explanation.between, name(first.role), 100 * first.critical,
        longest_wait(explanation.ranks, first.role));
    return;
  }
  explanation.bottleneck.push_back(first.role);
  if (monolith) {
    explanation.verdict = fmt::format(
        "{} takes most of the step: {:.0f} % of the time of the one process. Without its work a "
        "step would take at most that much less.",
        name(first.role), 100 * first.critical);
    return;
  }
  if (roles.size() > 1 && roles[1].critical >= kEqual * first.critical) {
    explanation.bottleneck.push_back(roles[1].role);
    explanation.verdict = fmt::format(
        "{} and {} bound the step together: {:.0f} % and {:.0f} % of the critical path run through "
        "them (busy {:.0f} % and {:.0f} % of the time). Speeding up only one gains little.",
        name(first.role), name(roles[1].role), 100 * first.critical, 100 * roles[1].critical,
        100 * first.busy, 100 * roles[1].busy);
    return;
  }
  explanation.verdict = fmt::format(
      "{} bounds the step: {:.0f} % of the critical path runs through it (busy {:.0f} % of the "
      "time). Without its work a step would take at most {:.0f} % less.",
      name(first.role), 100 * first.critical, 100 * first.busy, 100 * first.critical);
}

}  // namespace

Explanation explain(const std::vector<Timeline>& timelines, double last_seconds) {
  Explanation explanation;
  const Window window = common_window(timelines, last_seconds);
  explanation.window_seconds = window.seconds();
  if (window.seconds() > 0) {
    explanation.steps = count_steps(timelines, window, explanation.step_seconds);
    for (const Timeline& timeline : timelines)
      explanation.ranks.push_back(share_of(timeline, window));
    if (one_process(timelines)) {
      for (RankShare& rank : explanation.ranks) rank.critical = rank.busy;
      explanation.between = 0;
    } else {
      const CriticalPath path = find_critical_path(timelines, window);
      for (std::size_t i = 0; i < timelines.size() && path.total() > 0; ++i)
        explanation.ranks[i].critical = path.seconds[i] / path.total();
      if (path.total() > 0) explanation.between = path.between / path.total();
    }
  }
  const std::string missing = missing_evidence(timelines, explanation);
  explanation.enough = missing.empty();
  if (explanation.enough) {
    judge(explanation, one_process(timelines));
  } else {
    explanation.verdict = "not enough evidence: " + missing;
  }
  return explanation;
}

Result<Explanation> explain_run(const std::string& run_dir, double last_seconds) {
  DESA2VA_ASSIGN(const std::vector<RingReader> rings, open_rings(run_dir));
  std::vector<Timeline> timelines;
  timelines.reserve(rings.size());
  for (const RingReader& ring : rings) timelines.push_back(timeline_of(ring));
  return explain(timelines, last_seconds);
}

}  // namespace desa2va::tracing
