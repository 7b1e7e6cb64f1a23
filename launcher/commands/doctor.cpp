#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/base/bytes.h"
#include "common/config/load.h"
#include "common/config/run_files.h"
#include "launcher/commands/command.h"
#include "launcher/run/console.h"
#include "launcher/run/data.h"
#include "launcher/run/run_dir.h"
#include "launcher/run/topology.h"

namespace desa2va::launcher {
namespace fs = std::filesystem;
namespace {

struct Finding {
  std::string what;
  bool good = true;
  std::string value;
  std::string remedy;  // where it is not good
};

constexpr std::uint64_t kMiB = 1ULL << 20U;

Finding programs() {
  std::string missing;
  for (const char* program : {"desa2va-data", "desa2va-mllm", "desa2va-decoupler", "desa2va-sam2",
                              "desa2va-coordinator", "desa2va-monolith", "desa2va-inference"}) {
    if (::access((program_folder() + "/" + program).c_str(), X_OK) == 0) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(program);
  }
  if (missing.empty()) return {"programs", true, "all beside desa2va", ""};
  return {"programs", false, "missing: " + missing, "build them: ./dev build"};
}

Finding free_space(const std::string& what, std::string path, std::uint64_t wanted) {
  std::error_code error;
  while (!fs::exists(path, error) && path.size() > 1) path = fs::path(path).parent_path().string();
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return {what, false, path + " cannot be read", "choose another place"};
  const std::uint64_t bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  const bool writable = ::access(path.c_str(), W_OK) == 0;
  return {
      what, writable && bytes >= wanted,
      fmt::format("{} free in {}{}", format_bytes(bytes), path, writable ? "" : ", not writable"),
      fmt::format("{} are wanted; make room or choose another place", format_bytes(wanted))};
}

Finding memory() {
  std::ifstream in("/proc/meminfo");
  std::uint64_t available = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("MemAvailable:")) available = std::stoull(line.substr(13)) * 1024;
  }
  return {"memory", available >= 3072 * kMiB, format_bytes(available) + " available",
          "the tiny configuration takes about 2 GiB over all processes; end other programs"};
}

// A port of loopback can be bound: what tcp edges need.
Finding port(int number) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(number));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool good =
      fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  const std::string what = number == 0 ? "tcp on loopback" : fmt::format("port {}", number);
  return {what, good, good ? "free" : "cannot be bound",
          "another program has it: choose another transport.<edge>.port_base"};
}

Finding run_owner(const std::string& run_dir) {
  const auto owners = processes_with_argument(run_dir_argument(run_dir));
  if (owners.empty()) return {"run directory", true, run_dir + ": no process has it", ""};
  return {"run directory", true, fmt::format("{}: live, process {}", run_dir, owners.front()), ""};
}

struct DoctorOptions {
  std::string config;
  bool json = false;
};

Result<ExitCode> doctor(const DoctorOptions& options) {
  std::vector<Finding> findings = {programs(), memory(),
                                   free_space("shared memory", "/dev/shm", 64 * kMiB),
                                   free_space("cache", cache_folder(), 1024 * kMiB), port(0)};
  if (!options.config.empty()) {
    const bool is_run = fs::is_directory(options.config);
    const std::string file = is_run ? config::config_file(options.config) : options.config;
    DESA2VA_ASSIGN(const config::Loaded loaded,
                   config::load(file, {}, fs::current_path().string()));
    const config::Config& config = loaded.config;
    findings.push_back(run_owner(config.run.dir));
    findings.push_back(free_space("run directory", config.run.dir, 1024 * kMiB));
    for (const auto& [edge, settings] : config.transport) {
      if (settings.kind == config::EdgeKind::Tcp)
        findings.push_back(port(static_cast<int>(settings.port_base)));
    }
  }
  bool all_good = true;
  std::vector<std::vector<std::string>> rows;
  nlohmann::json document = nlohmann::json::array();
  for (const Finding& finding : findings) {
    all_good = all_good && finding.good;
    rows.push_back({finding.good ? "ok" : "BAD", finding.what, finding.value,
                    finding.good ? "" : finding.remedy});
    document.push_back({{"what", finding.what},
                        {"good", finding.good},
                        {"value", finding.value},
                        {"remedy", finding.good ? "" : finding.remedy}});
  }
  std::fputs(options.json ? (document.dump(2) + "\n").c_str() : table(rows).c_str(), stdout);
  return all_good ? ExitCode::Done : ExitCode::Different;
}

}  // namespace

void add_doctor(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<DoctorOptions>();
  auto* command = app.add_subcommand(
      "doctor", "is this machine fit to run: named defects with remedies; 1 when there is one");
  command->add_option(
      "CONFIG", options->config,
      "a configuration or run directory to look at too (default: the machine alone)");
  command->add_flag("--json", options->json, "the findings as one JSON document");
  command->callback([&chosen, options] { chosen.action = [options] { return doctor(*options); }; });
}

}  // namespace desa2va::launcher
