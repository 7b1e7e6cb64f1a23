#include "common/runtime/supervision/run_loop.h"

#include <cstdio>

namespace desa2va::supervision {

int exit_code_for(const Error& error) {
  if (error.exit_code() != 0) return error.exit_code();
  switch (error.code()) {
    case Errc::InvalidArgument:
    case Errc::NotFound:
      return static_cast<int>(ExitCode::Usage);
    case Errc::Corrupt:
      return static_cast<int>(ExitCode::Data);
    case Errc::Unavailable:
    case Errc::Timeout:
      return static_cast<int>(ExitCode::Service);
    case Errc::Overloaded:
      return static_cast<int>(ExitCode::Storage);
    case Errc::Cancelled:
      return static_cast<int>(ExitCode::Interrupted);
    case Errc::Internal:
      break;
  }
  return static_cast<int>(ExitCode::Bug);
}

int report_failure(const Error& error, Readiness& readiness) {
  const int exit_code = exit_code_for(error);
  fmt::print(stderr, "error: {} ({})\n", error.message(), name(error.code()));
  std::fflush(stderr);
  readiness.failed({error.code(), exit_code, error.message()});
  return exit_code;
}

namespace detail {

bool wait_for_work(transport::Inbox& inbox, tracing::Tracer& tracer, StopSignals& signals,
                   tracing::Span span) {
  const auto scope = tracer.span(span);
  inbox.wait(-1, signals.fd());
  return signals.requested();
}

}  // namespace detail
}  // namespace desa2va::supervision
