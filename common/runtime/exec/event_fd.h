#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

// Waking a thread that waits in poll(2).
namespace desa2va::exec {

// A flag that other threads raise and one thread waits for. Raising it again before it was seen
// costs one atomic write. Any thread may call `wake`, signal handlers too; one thread waits.
class EventFd {
 public:
  EventFd();
  ~EventFd();
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  void wake() noexcept;

  // Lowers the flag; true if it was raised. Call it before looking for work, never after: what
  // arrives in between then raises it again.
  bool take() noexcept;

  // Until raised, `other_fd` (>= 0) is readable, or `timeout_ms` passed (-1: no limit; a signal
  // may end it early). Does not lower the flag; true unless the time ran out.
  bool wait(int timeout_ms, int other_fd = -1) const;

  int fd() const { return fd_; }

 private:
  int fd_;
  std::atomic<bool> raised_{false};
};

}  // namespace desa2va::exec
