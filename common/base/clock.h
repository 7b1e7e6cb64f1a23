#pragma once

#include <chrono>
#include <cstdint>

// Time as a dependency, so that tests decide what time it is.
namespace desa2va {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds of a clock that never goes back; comparable within a host (CLOCK_MONOTONIC).
  virtual std::int64_t now_ns() const = 0;
  // Seconds since 1970, for people.
  virtual double wall_seconds() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t now_ns() const override {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  double wall_seconds() const override {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

// A clock that a test moves. Belongs to one thread.
class FakeClock final : public Clock {
 public:
  std::int64_t now_ns() const override { return now_ns_; }
  double wall_seconds() const override { return static_cast<double>(now_ns_) * 1e-9; }
  void advance(std::chrono::nanoseconds by) { now_ns_ += by.count(); }

 private:
  std::int64_t now_ns_ = 0;
};

}  // namespace desa2va
