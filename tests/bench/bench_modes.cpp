#include <sys/resource.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tests/process/tiny_run.h"

// Whole runs of the tiny configuration in pairs, interleaved: processes against the monolith,
// tracing on against off. CPU seconds count every process; ratios of the pairs are what to read.
//   bench_modes [STEPS=60] [PAIRS=5]
namespace {

using namespace desa2va::test;

struct Cost {
  double wall = 0;
  double cpu = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

Cost run_once(const std::string& steps, const std::vector<std::string>& more) {
  static int number = 0;
  const fs::path dir = data_folder() / ("bench" + std::to_string(number++));
  std::vector<std::string> words = {"train.steps=" + steps, "checkpoint.every_steps=0"};
  words.insert(words.end(), more.begin(), more.end());
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  const auto ended = runs(dir, words);
  if (!ended) std::fprintf(stderr, "%s\n", ended.message());
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {wall.count(), cpu_seconds() - cpu};
}

void compare(const char* what, const std::string& steps, int pairs,
             const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = 0; i < pairs; ++i) {
    const bool swap = i % 2 == 1;
    Cost first = run_once(steps, swap ? b : a);
    Cost second = run_once(steps, swap ? a : b);
    if (swap) std::swap(first, second);
    wall.push_back(first.wall / second.wall);
    cpu.push_back(first.cpu / second.cpu);
  }
  const auto show = [&](const char* name, std::vector<double>& ratios) {
    std::sort(ratios.begin(), ratios.end());
    std::printf("%-28s %-5s min %.3f  median %.3f  max %.3f\n", what, name, ratios.front(),
                ratios[ratios.size() / 2], ratios.back());
  };
  show("wall", wall);
  show("cpu", cpu);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what a fork finds in the buffer is printed twice
  const std::string steps = argc > 1 ? argv[1] : "60";
  const int pairs = argc > 2 ? std::atoi(argv[2]) : 5;
  run_once("12", {});  // makes the data
  compare("processes / monolith", steps, pairs, {}, {"run.mode=monolith"});
  compare("tracing on / off", steps, pairs, {}, {"trace.enabled=false"});
  return 0;
}
