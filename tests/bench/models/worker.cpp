#include "tests/bench/models/worker.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>

#include "common/tensor/guarded.h"

namespace desa2va::bench {
namespace {

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

int run_worker(const std::string& workload, const std::string& dtype) {
  const auto done = tensor::guarded([&] {
    tensor::set_threads(1);
    const auto iterate = workloads().at(workload)(dtype);
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line) && line == "go";) {
      const double before = processor_seconds();
      const auto begin = std::chrono::steady_clock::now();
      iterate();
      const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
      std::printf("%.6f %.6f\n", wall.count(), processor_seconds() - before);
      std::fflush(stdout);
    }
  });
  if (!done) {
    std::fprintf(stderr, "%s: %s\n", workload.c_str(), done.error().message().c_str());
    return 1;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%ld\n", usage.ru_maxrss);
  return 0;
}

}  // namespace desa2va::bench
