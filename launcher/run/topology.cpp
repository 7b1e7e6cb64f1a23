#include "launcher/run/topology.h"

#include <unistd.h>

#include <filesystem>

#include "common/config/run_files.h"
#include "launcher/run/run_dir.h"

namespace desa2va::launcher {
namespace {

supervision::ProcessSpec process(const config::Config& config, const std::string& run_dir,
                                 const std::string& programs, Rank rank) {
  const std::int64_t threads = config.service(rank.role).threads;
  supervision::ProcessSpec spec;
  spec.name = to_string(rank);
  spec.argv = {programs + "/desa2va-" + std::string(name(rank.role)), run_dir_argument(run_dir),
               "--rank=" + std::to_string(rank.index)};
  // LibTorch's own pool; the services set the same count, this keeps idle threads from existing.
  spec.environment = {{"OMP_NUM_THREADS", std::to_string(threads)}};
  spec.log_path = config::log_file(run_dir, rank);
  return spec;
}

}  // namespace

std::vector<supervision::ProcessSpec> processes_of(const config::Config& config,
                                                   const std::string& run_dir,
                                                   const std::string& programs) {
  if (config.run.mode == config::RunMode::Monolith) {
    supervision::ProcessSpec spec;
    spec.name = "monolith";
    spec.argv = {programs + "/desa2va-monolith", run_dir_argument(run_dir)};
    spec.log_path = config::run_file(run_dir, "logs/monolith.log");
    return {spec};
  }
  std::vector<supervision::ProcessSpec> processes;
  processes.push_back(process(config, run_dir, programs, {Role::Coordinator, 0}));
  for (const Role role : kRoles) {
    if (role == Role::Coordinator) continue;
    for (int i = 0; i < config.service(role).replicas; ++i)
      processes.push_back(process(config, run_dir, programs, {role, i}));
  }
  return processes;
}

std::string conductor(const config::Config& config) {
  return config.run.mode == config::RunMode::Monolith ? "monolith"
                                                      : to_string(Rank{Role::Coordinator, 0});
}

std::string program_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

Result<void> check_programs(const std::vector<supervision::ProcessSpec>& processes) {
  for (const auto& process : processes) {
    if (::access(process.argv[0].c_str(), X_OK) == 0) continue;
    return fail(Errc::NotFound,
                "{} is missing or cannot be executed; the programs of a run lie beside desa2va: "
                "build them with ./dev build",
                process.argv[0])
        .with_exit(ExitCode::Usage);
  }
  return {};
}

}  // namespace desa2va::launcher
