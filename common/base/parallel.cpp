#include "common/base/parallel.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace desa2va {
namespace {

// Signals are for the main thread.
void begin_thread(unsigned number) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), fmt::format("parallel-{}", number).c_str());
}

}  // namespace

Result<void> for_each_parallel(std::uint64_t count, unsigned threads,
                               const std::function<Result<void>(std::uint64_t)>& work,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  std::atomic<std::uint64_t> next = 0;
  std::atomic<bool> stopped = false;
  std::mutex mutex;  // guards what follows, and that progress is told by one at a time
  std::uint64_t done = 0;
  std::optional<std::pair<std::uint64_t, Error>> failure;
  const auto run = [&] {
    while (!stopped) {
      // Whoever takes a number works it, or a later one might fail in its place.
      const std::uint64_t i = next++;
      if (i >= count) return;
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
    for (unsigned i = 1; i < threads && i < count; ++i) {
      pool.emplace_back([&run, i] {
        begin_thread(i);
        run();
      });
    }
    run();
  }
  if (failure) return std::move(failure->second);
  return {};
}

}  // namespace desa2va
