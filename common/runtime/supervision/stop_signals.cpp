#include "common/runtime/supervision/stop_signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>

namespace desa2va::supervision {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // A reader that went away is an error of the write, not our end.
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) std::abort();  // Only without file descriptors, and nothing can run then.
}

StopSignals::~StopSignals() {
  count();  // One that came meanwhile was meant for what we guarded.
  close(fd_);
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int StopSignals::count() {
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    ++count_;
    last_ = static_cast<int>(info.ssi_signo);
  }
  return count_;
}

}  // namespace desa2va::supervision
