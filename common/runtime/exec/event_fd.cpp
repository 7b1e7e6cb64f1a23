#include "common/runtime/exec/event_fd.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace desa2va::exec {

EventFd::EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) std::abort();  // Only without file descriptors, and nothing can run then.
}

EventFd::~EventFd() {
  close(fd_);
}

void EventFd::wake() noexcept {
  if (raised_.exchange(true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void EventFd::lower() noexcept {
  // In this order: a wake between the two is about work that the caller looks for next, and one
  // that raised the flag but has not written yet costs an empty round.
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
  raised_.exchange(false);
}

bool EventFd::wait(int timeout_ms, int other_fd) noexcept {
  if (!raised_.load()) {
    pollfd fds[2] = {{fd_, POLLIN, 0}, {other_fd, POLLIN, 0}};
    if (poll(fds, other_fd < 0 ? 1 : 2, timeout_ms) == 0) return false;
  }
  lower();
  return true;
}

}  // namespace desa2va::exec
