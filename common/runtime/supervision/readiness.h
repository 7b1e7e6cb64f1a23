#pragma once

#include "common/base/result.h"

namespace desa2va::supervision {

// A service's line to the one who started it: a pipe over which it says "ready" once, and why it
// fails if it does. Without a pipe (started by hand) nothing is said. Belongs to the main thread.
class Readiness {
 public:
  // `fd` as given by the launcher (--ready-fd=N); -1: nobody listens. Closed on destruction.
  explicit Readiness(int fd = -1);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  void announce();
  // The launcher shows `error` as this process's reason, and ends the run with `exit_code`.
  void failed(const Error& error, int exit_code);

 private:
  int fd_;
  bool announced_ = false;
};

}  // namespace desa2va::supervision
