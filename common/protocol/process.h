#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/protocol/courier.h"
#include "common/runtime/supervision/run_loop.h"
#include "common/runtime/transport/zmq/zmq_network.h"

namespace desa2va::protocol {

// What every service process has around its stage: configuration, trace, edges to its peers, and
// the line to the launcher. Made on the main thread before any other thread exists.
class Process {
 public:
  // From "--run-dir=ABSOLUTE/ --rank=N --ready-fd=N". InvalidArgument or NotFound with exit code 2.
  static Result<std::unique_ptr<Process>> start(Role role, int argc, char** argv);
  // The same without edges and trace: the monolith, which has those of every rank inside.
  static Result<std::unique_ptr<Process>> start_alone(int argc, char** argv);

  Rank self;
  std::string run_dir;
  config::Config config;
  tracing::Tracer tracer;
  transport::Inbox inbox;
  std::optional<Courier> courier;  // after start
  std::string socket_dir;

  // Pumps until the service is finished or fails; the exit code.
  template <supervision::Pumped Service>
  int run(Service& service) {
    return supervision::run_until_stopped(service, inbox, tracer, signals_, *readiness_);
  }
  template <supervision::Pumped Service>
  int run(Service& service, transport::Inbox& waits_on) {
    return supervision::run_until_stopped(service, waits_on, tracer, signals_, *readiness_);
  }
  // Tells the launcher why this process cannot run; the exit code.
  int refuse(const Error& error);
  static int refuse_unstarted(const Error& error, int argc, char** argv);

 private:
  explicit Process(int ready_fd);
  Result<void> connect();
  Result<void> open_edges();

  supervision::StopSignals signals_;
  std::unique_ptr<supervision::Readiness> readiness_;
  SystemClock clock_;
  std::unique_ptr<transport::ZmqNetwork> network_;
};

// The edges of a job with these replicas, as everyone derives them.
transport::EdgeOptions edge_options(const config::Config& config, const transport::Edge& edge);
std::vector<transport::Edge> edges_of_job(const config::Config& config);
// Names this launch: messages of another are refused.
std::uint64_t run_id_of(const std::string& socket_dir);
using Facts = std::vector<std::pair<std::string, std::string>>;
// What equal bits depend on besides configuration and seed: thread counts, and what the caller
// knows of its libraries.
Facts facts_of(const config::Config& config, Role role, Facts libraries = {});

// main() of a service: `body(Process&) -> Result<int>` builds its parts and runs them.
template <class Body>
int run_started(Result<std::unique_ptr<Process>> process, int argc, char** argv, Body body) {
  if (!process) return Process::refuse_unstarted(process.error(), argc, argv);
  Result<int> ended = body(**process);
  return ended ? *ended : (*process)->refuse(ended.error());
}
template <class Body>
int run_service(int argc, char** argv, Role role, Body body) {
  return run_started(Process::start(role, argc, argv), argc, argv, body);
}
template <class Body>
int run_alone(int argc, char** argv, Body body) {
  return run_started(Process::start_alone(argc, argv), argc, argv, body);
}

}  // namespace desa2va::protocol
