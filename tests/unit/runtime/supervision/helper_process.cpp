#include "tests/unit/runtime/supervision/helper_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "common/runtime/supervision/readiness.h"
#include "common/runtime/supervision/supervisor.h"

namespace desa2va::supervision {
namespace {

std::string option(const std::vector<std::string>& arguments, const std::string& name) {
  for (const std::string& argument : arguments)
    if (argument.starts_with(name + "=")) return argument.substr(name.size() + 1);
  return "-1";
}

[[noreturn]] void wait_for_ever() {
  while (true) pause();
}

[[noreturn]] void launch(const std::string& hold) {
  const SystemClock clock;
  Supervisor supervisor(clock);
  for (const char* name : {"first", "second"}) {
    const auto started =
        supervisor.start({name, {own_program(), "--helper=parent", "--hold=" + hold}, {}, ""});
    if (!started) std::exit(1);
  }
  while (true) supervisor.wait(-1);
}

}  // namespace

std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

int run_helper(const std::vector<std::string>& arguments) {
  const std::string mode = option(arguments, "--helper");
  const std::string hold = option(arguments, "--hold");
  Readiness readiness(std::stoi(option(arguments, "--ready-fd")));
  if (mode == "exit") {
    std::fputs("something odd happened\n", stderr);
    return 7;
  }
  if (mode == "fail") {
    readiness.failed({Errc::Corrupt, 3, "read shard 3: block 17:\nchecksum differs"});
    return 3;
  }
  if (mode == "lost") {
    readiness.failed({Errc::Unavailable, 5, "mllm-0 vanished"});
    return 5;
  }
  if (mode == "stubborn") signal(SIGTERM, SIG_IGN);
  if (mode == "ready" || mode == "parent") signal(SIGTERM, [](int) { _exit(0); });
  if (mode == "parent" && fork() == 0) {
    signal(SIGTERM, SIG_IGN);
    if (hold != "-1") [[maybe_unused]]
      const auto told = write(std::stoi(hold), "g", 1);
    wait_for_ever();
  }
  if (hold != "-1") [[maybe_unused]]
    const auto told = write(std::stoi(hold), "p", 1);
  if (mode == "launcher") launch(hold);
  readiness.announce();
  wait_for_ever();
}

}  // namespace desa2va::supervision

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0].starts_with("--helper="))
    return desa2va::supervision::run_helper(arguments);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
