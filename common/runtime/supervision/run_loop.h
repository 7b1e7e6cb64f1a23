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

// The only place where a service process waits. Announces readiness, pumps until the service is
// finished, a signal asks to stop, or it fails; says goodbye on every edge (unless it failed) and
// returns the exit code: 0, 130 after SIGTERM or SIGINT, or the failure's, which is logged once and
// reported to the launcher by name.
//
// A service may also have `Span waiting_for() const` (what the wait is booked as; else input or
// credit, as the inbox knows) and `void on_stop()` (SIGTERM then calls it once and pumping goes on
// until finished).
template <Pumped Service>
int run_until_stopped(Service& service, transport::Inbox& inbox, tracing::Tracer& tracer,
                      StopSignals& signals, Readiness& readiness);

// The exit code for a failure: what it asks for, else 3, 5, 6 or 70 by its code.
int exit_code_for(const Error& error);

namespace detail {

// Waits for the inbox or a signal, booked as `span`. True if a signal asks to stop.
bool wait_for_work(transport::Inbox& inbox, tracing::Tracer& tracer, StopSignals& signals,
                   tracing::Span span);
int fail_service(const Error& error, Readiness& readiness);

}  // namespace detail

template <Pumped Service>
int run_until_stopped(Service& service, transport::Inbox& inbox, tracing::Tracer& tracer,
                      StopSignals& signals, Readiness& readiness) {
  readiness.announce();
  while (!service.finished()) {
    Result<bool> worked = service.pump();
    if (!worked) {
      if (worked.error().code() == Errc::Cancelled) break;
      return detail::fail_service(worked.error(), readiness);
    }
    if (*worked) {
      tracer.progress();
    }
    bool stop = signals.requested();
    if (!*worked && !service.finished() && !stop) {
      tracing::Span span =
          inbox.waiting_for_credit() ? tracing::Span::WaitCredit : tracing::Span::WaitInput;
      if constexpr (requires { service.waiting_for(); }) span = service.waiting_for();
      stop = detail::wait_for_work(inbox, tracer, signals, span);
    }
    if (stop) {
      if constexpr (requires { service.on_stop(); }) {
        signals.acknowledge();
        service.on_stop();
      } else {
        inbox.close_all();
        return static_cast<int>(ExitCode::Interrupted);
      }
    }
  }
  inbox.close_all();
  return static_cast<int>(ExitCode::Done);
}

}  // namespace desa2va::supervision
