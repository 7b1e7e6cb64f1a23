#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

// Failure as a value. Everything outside `models` and `training` returns Result<T>; those throw,
// and `tensor::guarded` is the one gate between.
namespace desa2va {

// What the *caller* can do about a failure. Where it came from belongs in the message; a code is
// added only when some caller would act differently on it.
enum class Errc : std::uint8_t {
  InvalidArgument,  // fix the config or the request; retrying cannot help
  NotFound,         // the step, shard or peer that was named does not exist
  Unavailable,      // the peer is gone: reconnect, then retry
  Overloaded,       // a queue or disk is full: back off, then retry
  Timeout,          // unknown whether it happened: retry only if idempotent
  Cancelled,        // someone asked us to stop; not a fault, never logged as one
  Corrupt,          // a checksum or shape disagrees: never retry, keep the bytes
  Internal,         // a bug in this process: stop the step, keep the trace
};

std::string_view name(Errc code);

// How a program ends; the table that scripts rely on is in docs/operations.md.
enum class ExitCode : int {
  Done = 0,
  Different = 1,   // only from commands that check or compare
  Usage = 2,       // wrong use, configuration or surroundings
  Data = 3,        // failure budget spent, corrupt shard, deadline
  Training = 4,    // non-finite too often
  Service = 5,     // a service failed or was killed beyond the restart policy
  Storage = 6,     // disk full, corrupt checkpoint
  Bug = 70,        // ours
  Preempted = 75,  // after a checkpoint: run again to go on
  Interrupted = 130
};

// A failure on its way up. Each level adds what it was doing, so that the one log line reads as a
// sentence: "restore step 1200: read shard 3: block 17: checksum differs".
class Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }

  // The exit code this failure asks for, when the code alone does not tell (0: no wish).
  int exit_code() const { return exit_code_; }
  Error&& with_exit(ExitCode code) && {
    exit_code_ = static_cast<int>(code);
    return std::move(*this);
  }

  // "context: message".
  Error&& in(std::string_view context) && {
    message_.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }

 private:
  Errc code_;
  int exit_code_ = 0;
  std::string message_;
};

// A value or an Error. A small class around tl::expected, since an alias cannot be [[nodiscard]].
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}

  // The same failure with what we were doing put before it; a value passes through.
  Result&& in(std::string_view context) && {
    if (!this->has_value()) std::move(this->error()).in(context);
    return std::move(*this);
  }
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
  using tl::expected<void, Error>::expected;
  Result() = default;
  Result(Error error) : tl::expected<void, Error>(tl::unexpect, std::move(error)) {}

  Result&& in(std::string_view context) && {
    if (!has_value()) std::move(error()).in(context);
    return std::move(*this);
  }
};

// fail(Errc::NotFound, "no step {} in {}", step, path)
template <class... Args>
Error fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace desa2va

// DESA2VA_TRY(call());            returns the failure of a Result<void>
// DESA2VA_ASSIGN(auto x, call()); binds the value, or returns the failure
#define DESA2VA_CONCAT_INNER(a, b) a##b
#define DESA2VA_CONCAT(a, b) DESA2VA_CONCAT_INNER(a, b)
#define DESA2VA_TRY(...)                                      \
  do {                                                        \
    if (auto desa2va_result = (__VA_ARGS__); !desa2va_result) \
      return std::move(desa2va_result.error());               \
  } while (false)
#define DESA2VA_ASSIGN(target, ...)                                     \
  auto DESA2VA_CONCAT(desa2va_value_, __LINE__) = (__VA_ARGS__);        \
  if (!DESA2VA_CONCAT(desa2va_value_, __LINE__))                        \
    return std::move(DESA2VA_CONCAT(desa2va_value_, __LINE__).error()); \
  target = std::move(*DESA2VA_CONCAT(desa2va_value_, __LINE__))
