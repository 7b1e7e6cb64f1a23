#pragma once

#include <poll.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

#include "common/base/result.h"
#include "common/runtime/supervision/stop_signals.h"

namespace desa2va::launcher {

// Turns Ctrl-C and SIGTERM into a stop; a second one leaves at once, which loses nothing either.
// Constructed in the main thread before the work starts others.
class Interrupt {
 public:
  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch(const std::stop_token& done) {
    while (!done.stop_requested()) {
      pollfd wait = {signals_.fd(), POLLIN, 0};
      if (::poll(&wait, 1, 100) <= 0) continue;
      if (signals_.count() == 1) source_.request_stop();
      if (signals_.count() > 1) ::_exit(static_cast<int>(ExitCode::Interrupted));
    }
  }

  supervision::StopSignals signals_;  // first: threads inherit what it blocks
  std::stop_source source_;
  std::jthread watcher_{[this](const std::stop_token& done) { watch(done); }};
};

}  // namespace desa2va::launcher
