#pragma once

#include <concepts>
#include <cstdint>

#include "common/base/result.h"
#include "common/runtime/supervision/readiness.h"
#include "common/runtime/supervision/stop_signals.h"
#include "common/runtime/tracing/tracer.h"
#include "common/runtime/transport/inbox.h"

namespace desa2va::supervision {

// What the run loop needs of a service.
//
// pump(): take what is there, do at most one stage call, never block. True if it did anything
// (it is called again at once), false if there is nothing to do until something arrives.
// finished(): the coordinator said stop and all is done.
template <class S>
concept Pumped = requires(S& service) {
  { service.pump() } -> std::same_as<Result<bool>>;
  { service.finished() } -> std::convertible_to<bool>;
};

// The exit code for a failure: what it asks for, else by its code as docs/operations.md has it.
int exit_code_for(const Error& error);

// Where an error stops travelling in a service: logged once, told to the launcher. Returns the exit
// code. For failures before the run loop too (a port in use, a missing shard directory).
int report_failure(const Error& error, Readiness& readiness);

namespace detail {

// Waits for the inbox or a signal, booked as `span`. True if a signal asks to stop.
bool wait_for_work(transport::Inbox& inbox, tracing::Tracer& tracer, StopSignals& signals,
                   tracing::Span span);

}  // namespace detail

// The only place where a service process waits. Announces readiness, pumps until the service is
// finished, a signal asks to stop, or it fails; says goodbye on every edge unless it failed, and
// returns the exit code: 0, 130 after SIGTERM or SIGINT (or Cancelled), or the failure's.
//
// A service may also have `tracing::Span waiting_for() const`: what a wait is booked as (else input
// or credit, as the inbox knows); and `void on_stop()`: a signal then calls it and pumping goes on
// until finished; a second signal ends the loop at once.
template <Pumped Service>
int run_until_stopped(Service& service, transport::Inbox& inbox, tracing::Tracer& tracer,
                      StopSignals& signals, Readiness& readiness) {
  readiness.announce();
  bool stopping = false;
  while (!service.finished()) {
    Result<bool> worked = service.pump();
    if (!worked && worked.error().code() == Errc::Cancelled) break;
    if (!worked) return report_failure(worked.error(), readiness);
    if (*worked) tracer.progress();
    bool signalled = signals.requested();
    if (!*worked && !signalled && !service.finished()) {
      tracing::Span span =
          inbox.waiting_for_credit() ? tracing::Span::WaitCredit : tracing::Span::WaitInput;
      if constexpr (requires { service.waiting_for(); }) span = service.waiting_for();
      signalled = detail::wait_for_work(inbox, tracer, signals, span);
    }
    if (!signalled) continue;
    signals.acknowledge();
    if constexpr (requires { service.on_stop(); }) {
      if (!stopping) {
        stopping = true;
        service.on_stop();
        continue;
      }
    }
    break;
  }
  inbox.close_all();
  return static_cast<int>(service.finished() ? ExitCode::Done : ExitCode::Interrupted);
}

}  // namespace desa2va::supervision
