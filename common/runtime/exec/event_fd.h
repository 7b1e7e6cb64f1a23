#pragma once

#include <atomic>

// Waking a thread that waits in poll(2).
namespace desa2va::exec {

// A flag that other threads raise and one thread waits for. Raising it again before it was seen
// costs one atomic exchange. Any thread may call `wake`, signal handlers too; one thread waits.
class EventFd {
 public:
  EventFd();
  ~EventFd();
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  void wake() noexcept;

  // Until raised, `other_fd` (>= 0) is readable, or `timeout_ms` passed (-1: no limit; a signal
  // handler may end it early). Lowers the flag: look for work after the wait, not before. True
  // unless the time ran out.
  bool wait(int timeout_ms, int other_fd = -1) noexcept;

  // For a poll of one's own; call `lower` when it is readable, then look for work.
  int fd() const { return fd_; }
  void lower() noexcept;

 private:
  int fd_;
  std::atomic<bool> raised_{false};
};

}  // namespace desa2va::exec
