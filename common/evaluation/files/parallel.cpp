#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/evaluation/files/report.h"
#include "common/runtime/exec/thread.h"

namespace desa2va::evaluation {

Result<void> for_each_parallel(std::uint64_t count, int threads,
                               const std::function<Result<void>(std::uint64_t)>& work,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<bool> stopped = false;
  std::mutex mutex;  // guards what follows, and that progress is told by one at a time
  std::uint64_t done = 0;
  std::optional<std::pair<std::uint64_t, Error>> failure;
  const auto run = [&] {
    for (std::uint64_t i = next++; i < count && !stopped; i = next++) {
      auto result = work(i);
      const std::lock_guard lock(mutex);
      ++done;
      if (!result) {
        stopped = true;
        if (!failure || i < failure->first) failure.emplace(i, std::move(result.error()));
      } else if (progress) {
        progress(done, count);
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (int i = 1; i < threads && static_cast<std::uint64_t>(i) < count; ++i)
      pool.push_back(exec::start_thread(fmt::format("score-{}", i), [&](const auto&) { run(); }));
    run();
  }
  if (failure) return std::move(failure->second);
  return {};
}

void finish_warnings(ScoreReport& report, const std::vector<std::string>& warnings) {
  constexpr std::size_t kShown = 20;
  report.warnings.assign(warnings.begin(), warnings.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                  warnings.size(), kShown)));
  if (warnings.size() > kShown)
    report.warnings.push_back(fmt::format("and {} warnings more", warnings.size() - kShown));
  report.document["warnings"] = warnings;
}

}  // namespace desa2va::evaluation
