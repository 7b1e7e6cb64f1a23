#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace desa2va::supervision {

// Why a process fails, as it tells the one who started it.
struct Failure {
  Errc code = Errc::Internal;
  int exit_code = 0;  // what the run should end with
  std::string message;
};

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
  void failed(const Failure& failure);

 private:
  void write_line(const std::string& line);

  int fd_;
  bool announced_ = false;
};

// The other side: one line of the pipe. "ready", or a failure.
bool is_ready_line(std::string_view line);
std::optional<Failure> parse_failure_line(std::string_view line);

}  // namespace desa2va::supervision
