#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/tensor/guarded.h"
#include "tests/bench/models/worker.h"

// bench_models [--only WORKLOAD[,WORKLOAD]] [--dtype fp32|bf16] [--rounds N] [--python PATH]
namespace desa2va::bench {
namespace {

namespace fs = std::filesystem;

// A process that speaks worker.h.
class Worker {
 public:
  explicit Worker(const std::vector<std::string>& command) {
    std::array<int, 2> to{}, from{};
    if (::pipe(to.data()) != 0 || ::pipe(from.data()) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      for (const int end : {to[0], to[1], from[0], from[1]}) ::close(end);
      ::setenv("OMP_NUM_THREADS", "1", 1);
      if (command[1] != "--worker")
        ::unsetenv("THP_MEM_ALLOC_ENABLE");  // the peer's is as it comes
      ::setenv("TRANSFORMERS_VERBOSITY", "error", 1);
      std::vector<char*> argv;
      for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = ::fdopen(from[0], "r");
    out_ = ::fdopen(to[1], "w");
    alive_ = line() == "ready";
  }
  ~Worker() {
    std::fclose(out_);
    std::fclose(in_);
    ::waitpid(pid_, nullptr, 0);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  bool alive() const { return alive_; }
  struct Seconds {
    double wall = 0, cpu = 0;
  };
  Seconds go() {
    Seconds seconds;
    std::fputs("go\n", out_);
    std::fflush(out_);
    alive_ = std::sscanf(line().c_str(), "%lf %lf", &seconds.wall, &seconds.cpu) == 2;
    return seconds;
  }
  long end() {
    std::fputs("end\n", out_);
    std::fflush(out_);
    return std::atol(line().c_str());
  }

 private:
  std::string line() {
    std::string text;
    for (int c = std::fgetc(in_); c != EOF && c != '\n'; c = std::fgetc(in_))
      text.push_back(static_cast<char>(c));
    return text;
  }
  pid_t pid_ = -1;
  FILE *in_ = nullptr, *out_ = nullptr;
  bool alive_ = false;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Options {
  std::vector<std::string> only;
  std::vector<std::string> dtypes = {"fp32", "bf16"};
  int rounds = 5;
  std::string python;
};

// The environment of `./dev interop`, unless another Python is named.
std::string interop_python() {
  if (const char* environment = std::getenv("DESA2VA_INTEROP"))
    return fs::path(environment) / "bin" / "python";
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base =
      cache != nullptr ? fs::path(cache) : fs::path(home == nullptr ? "" : home) / ".cache";
  return base / "desa2va" / "interop" / "bin" / "python";
}

void compare(const std::string& workload, const std::string& dtype, const Options& options) {
  Worker ours({fs::read_symlink("/proc/self/exe"), "--worker", workload, dtype});
  if (!ours.alive()) {
    fmt::print("{:<16} {:<5} our worker failed\n", workload, dtype);
    return;
  }
  std::optional<Worker> theirs;
  std::string reason;
  if (::access(options.python.c_str(), X_OK) != 0) {
    reason = "no peer: " + options.python + " is not there";
  } else {
    theirs.emplace(std::vector<std::string>{options.python, DESA2VA_PEER_SCRIPT, workload, dtype});
    if (!theirs->alive()) reason = "no peer: it failed (see above)";
  }
  const bool peer = theirs && theirs->alive();
  std::vector<double> our_cpu, our_wall, their_cpu, ratios;
  for (int round = 0; round <= options.rounds; ++round) {
    const bool swap = round % 2 == 1;
    Worker::Seconds a, b;
    if (peer && swap) b = theirs->go();
    a = ours.go();
    if (peer && !swap) b = theirs->go();
    if (round == 0) continue;  // warms both up
    our_cpu.push_back(a.cpu);
    our_wall.push_back(a.wall);
    if (!peer) continue;
    their_cpu.push_back(b.cpu);
    ratios.push_back(b.cpu / a.cpu);
  }
  const double our_peak = static_cast<double>(ours.end()) / 1024;
  if (!peer) {
    fmt::print("{:<16} {:<5} ours {:8.3f} s cpu {:8.3f} s wall {:7.0f} MiB  {}\n", workload, dtype,
               median(our_cpu), median(our_wall), our_peak, reason);
  } else {
    const double their_peak = static_cast<double>(theirs->end()) / 1024;
    fmt::print(
        "{:<16} {:<5} ours {:8.3f} s  peer {:8.3f} s  ratio {:5.2f} ({:.2f} .. {:.2f})  peak "
        "{:6.0f} "
        "against {:6.0f} MiB\n",
        workload, dtype, median(our_cpu), median(their_cpu), median(ratios),
        *std::min_element(ratios.begin(), ratios.end()),
        *std::max_element(ratios.begin(), ratios.end()), our_peak, their_peak);
  }
  std::fflush(stdout);
}

int run(const std::vector<std::string>& arguments) {
  Options options;
  options.python = interop_python();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--worker" && i + 2 < arguments.size())
      return run_worker(arguments[i + 1], arguments[i + 2]);
    if (i + 1 >= arguments.size() || !name.starts_with("--")) {
      fmt::print(stderr,
                 "usage: bench_models [--only WORKLOAD,...] [--dtype fp32|bf16] [--rounds N] "
                 "[--python PATH]\n");
      return 2;
    }
    const std::string& value = arguments[++i];
    if (name == "--only") {
      for (std::size_t at = 0; at <= value.size();) {
        const auto comma = std::min(value.find(',', at), value.size());
        options.only.push_back(value.substr(at, comma - at));
        at = comma + 1;
      }
    } else if (name == "--dtype") {
      options.dtypes = {value};
    } else if (name == "--rounds") {
      options.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--python") {
      options.python = value;
    }
  }
  fmt::print(
      "processor seconds of one iteration on one thread, medians of {} rounds in turn; ratio: "
      "peer / ours (smallest .. largest pair)\n",
      options.rounds);
  for (const auto& [name, workload] : workloads()) {
    const bool wanted = options.only.empty() || std::find(options.only.begin(), options.only.end(),
                                                          name) != options.only.end();
    if (!wanted) continue;
    for (const auto& dtype : options.dtypes) {
      // The memory of tracking is float32 here: nothing to compare.
      if (name != "tracking" || dtype == "fp32") compare(name, dtype, options);
    }
  }
  return 0;
}

}  // namespace
}  // namespace desa2va::bench

int main(int argc, char** argv) {
  desa2va::tensor::settle_memory();  // as every service does
  return desa2va::bench::run({argv + 1, argv + argc});
}
