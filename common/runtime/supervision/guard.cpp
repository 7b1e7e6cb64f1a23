#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/runtime/supervision/child.h"

namespace desa2va::supervision {
namespace {

// The guard's whole life. Only async-signal-safe functions: the launcher may have had threads.
[[noreturn]] void guard_groups(int pipe) {
  constexpr std::size_t kMost = 4096;
  static std::array<std::int32_t, kMost> groups;
  std::size_t count = 0;
  std::int32_t word = 0;
  // Positive: watch this group. Negative: forget it. End of file: the launcher is gone.
  while (read(pipe, &word, sizeof word) == static_cast<ssize_t>(sizeof word)) {
    if (word > 0 && count < kMost) groups[count++] = word;
    if (word < 0) {
      for (std::size_t i = 0; i < count; ++i)
        if (groups[i] == -word) groups[i--] = groups[--count];
    }
  }
  for (std::size_t i = 0; i < count; ++i) kill(-groups[i], SIGKILL);
  _exit(0);
}

}  // namespace

Fd::Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}
Fd::~Fd() {
  reset();
}
void Fd::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Guard::Guard() {
  signal(SIGPIPE, SIG_IGN);  // Writing to a guard that somebody killed must not end us.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  Fd reading(ends[0]);
  pipe_ = Fd(ends[1]);
  pid_ = fork();
  if (pid_ != 0) return;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  setsid();  // The terminal's signals are for the launcher.
  // Everything else is the launcher's; holding it would keep its pipes and files open.
  dup2(reading.get(), 0);
  syscall(SYS_close_range, 1U, ~0U, 0U);
  prctl(PR_SET_NAME, "desa2va-guard");
  guard_groups(0);
}

Guard::~Guard() {
  pipe_.reset();
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

void Guard::watch(pid_t group) {
  const auto word = static_cast<std::int32_t>(group);
  [[maybe_unused]] const auto written = write(pipe_.get(), &word, sizeof word);
}

void Guard::forget(pid_t group) {
  const auto word = static_cast<std::int32_t>(-group);
  [[maybe_unused]] const auto written = write(pipe_.get(), &word, sizeof word);
}

}  // namespace desa2va::supervision
