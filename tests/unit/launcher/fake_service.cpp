// Behaves like a service as far as a launcher can tell. FAKE says how, for the rank it names:
// "sam2-0 fail 3" reports a failure that asks for exit code 3 once ready; "data-0 deaf" ignores the
// first stop; anything else serves until told to stop. The coordinator writes a line of
// metrics.jsonl as its step; "coordinator-0 steps 4" ends everyone after four steps.
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "common/runtime/supervision/readiness.h"
#include "common/runtime/supervision/stop_signals.h"

namespace fs = std::filesystem;
using desa2va::supervision::Readiness;
using desa2va::supervision::StopSignals;

namespace {

std::string value_of(int argc, char** argv, const std::string& option) {
  for (int i = 1; i < argc; ++i) {
    const std::string one = argv[i];
    if (one.starts_with(option + "=")) return one.substr(option.size() + 1);
  }
  return "";
}

// Waits for a signal, at most `ms`; true if one came.
bool told(StopSignals& signals, int ms) {
  pollfd fd{signals.fd(), POLLIN, 0};
  ::poll(&fd, 1, ms);
  return signals.requested();
}

int serve_until_done(StopSignals& signals, const std::string& done) {
  while (!fs::exists(done)) {
    if (told(signals, 20)) return 130;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  StopSignals signals;
  const std::string ready_fd = value_of(argc, argv, "--ready-fd");
  Readiness readiness(ready_fd.empty() ? -1 : std::stoi(ready_fd));
  const std::string run_dir = value_of(argc, argv, "--run-dir");
  const std::string role = fs::path(argv[0]).filename().string().substr(8);  // after "desa2va-"
  const std::string self = role + "-" + value_of(argc, argv, "--rank");
  const char* plan = std::getenv("FAKE");
  std::istringstream words(plan == nullptr ? "" : plan);
  std::string who, what;
  int number = 0;
  words >> who >> what >> number;
  if (who != self) what.clear();

  readiness.announce();
  const std::string done = run_dir + "done";
  if (what == "fail") {
    readiness.failed({desa2va::Errc::Corrupt, number, "shard 3: checksum differs"});
    return number;
  }
  if (what == "deaf") {
    for (;;) ::pause();
  }
  if (role != "coordinator" && role != "monolith") return serve_until_done(signals, done);
  for (int step = 1; what != "steps" || step <= number; ++step) {
    std::ofstream(run_dir + "metrics.jsonl", std::ios::app)
        << "{\"step\":" << step << R"(,"phase":"A","loss":{"total":1.5},"samples":8})"
        << "\n";
    if (told(signals, 20)) break;
  }
  std::ofstream(done) << "done\n";
  return 0;
}
