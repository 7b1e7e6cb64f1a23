#include "common/protocol/process.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "common/base/random.h"
#include "common/config/load.h"
#include "common/config/run_files.h"

namespace desa2va::protocol {
namespace {

struct Arguments {
  std::string run_dir;
  int rank = 0;
  int ready_fd = -1;
};

bool take_number(std::string_view text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

Result<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    bool good = false;
    if (word.starts_with("--run-dir=")) {
      out.run_dir = word.substr(10);
      good = out.run_dir.starts_with("/");
    } else if (word.starts_with("--rank=")) {
      good = take_number(word.substr(7), out.rank);
    } else if (word.starts_with("--ready-fd=")) {
      good = take_number(word.substr(11), out.ready_fd);
    }
    if (!good)
      return fail(Errc::InvalidArgument,
                  "'{}': services are started by `desa2va run` with --run-dir=ABSOLUTE/ --rank=N",
                  word)
          .with_exit(ExitCode::Usage);
  }
  if (out.run_dir.empty())
    return fail(Errc::InvalidArgument, "--run-dir=ABSOLUTE/ is missing; use `desa2va run`")
        .with_exit(ExitCode::Usage);
  return out;
}

}  // namespace

transport::EdgeOptions edge_options(const config::Config& config, const transport::Edge& edge) {
  const std::string name = transport::edge_name(edge);
  for (const config::Edge key : config::kEdges) {
    if (config::name(key) != name) continue;
    const auto bytes = static_cast<std::uint64_t>(config.edge(key).budget_bytes);
    return {bytes, bytes};
  }
  return {};
}

std::vector<transport::Edge> edges_of_job(const config::Config& config) {
  std::map<Role, int> replicas;
  for (const Role role : kRoles) replicas[role] = static_cast<int>(config.service(role).replicas);
  return transport::all_edges(replicas);
}

std::uint64_t run_id_of(const std::string& socket_dir) {
  return fnv1a64(socket_dir);
}

Process::Process(int ready_fd) : readiness_(std::make_unique<supervision::Readiness>(ready_fd)) {}

Result<std::unique_ptr<Process>> Process::start(Role role, int argc, char** argv) {
  DESA2VA_ASSIGN(auto process, start_alone(argc, argv));
  process->self.role = role;
  if (auto connected = process->connect(); !connected) {
    process->refuse(connected.error());
    return std::move(connected.error());
  }
  return process;
}

Result<std::unique_ptr<Process>> Process::start_alone(int argc, char** argv) {
  DESA2VA_ASSIGN(const Arguments arguments, parse(argc, argv));
  auto process = std::unique_ptr<Process>(new Process(arguments.ready_fd));
  process->self.index = arguments.rank;
  process->run_dir = arguments.run_dir;
  auto config = config::load_run(arguments.run_dir);
  if (!config) {
    process->refuse(config.error());
    return std::move(config.error());
  }
  process->config = std::move(*config);
  return process;
}

Result<void> Process::connect() {
  if (config.trace.enabled) {
    DESA2VA_ASSIGN(tracer, tracing::Tracer::open(
                               config::run_file(run_dir, "trace/" + to_string(self) + ".ring"),
                               self, clock_, static_cast<std::size_t>(config.trace.ring_bytes)));
  }
  DESA2VA_ASSIGN(socket_dir, config::socket_dir(run_dir));
  courier.emplace(self, run_id_of(socket_dir), inbox, tracer);
  return open_edges();
}

Result<void> Process::open_edges() {
  transport::DirectoryOptions options;
  options.socket_dir = socket_dir;
  for (const config::Edge edge : config::kEdges) {
    const auto& settings = config.edge(edge);
    if (settings.kind != config::EdgeKind::Tcp) continue;
    options.kinds[std::string(config::name(edge))] = transport::LinkKind::Tcp;
    options.port_bases[std::string(config::name(edge))] =
        static_cast<std::uint16_t>(settings.port_base);
  }
  network_ = std::make_unique<transport::ZmqNetwork>(
      transport::Directory(edges_of_job(config), std::move(options)));
  for (const transport::Edge& edge : edges_of_job(config)) {
    if (edge.from != self && edge.to != self) continue;
    DESA2VA_ASSIGN(auto endpoint, network_->open(edge, self, edge_options(config, edge)));
    inbox.add(edge.from == self ? edge.to : edge.from, std::move(endpoint));
  }
  return {};
}

int Process::refuse(const Error& error) {
  return supervision::report_failure(error, *readiness_);
}

int Process::refuse_unstarted(const Error& error, int argc, char** argv) {
  std::fprintf(stderr, "%s: %s\n", argc > 0 ? argv[0] : "service", error.message().c_str());
  return supervision::exit_code_for(error);
}

Facts facts_of(const config::Config& config, Role role, Facts libraries) {
  libraries.emplace_back(fmt::format("threads.{}", name(role)),
                         std::to_string(config.service(role).threads));
  return libraries;
}

}  // namespace desa2va::protocol
