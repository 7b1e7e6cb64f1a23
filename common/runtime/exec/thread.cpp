#include "common/runtime/exec/thread.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace desa2va::exec {

void name_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

std::uint32_t thread_id() {
  thread_local const auto id = static_cast<std::uint32_t>(gettid());
  return id;
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void ThreadChecker::check() const {
  if (owner_ == std::thread::id()) owner_ = std::this_thread::get_id();
  if (owner_ == std::this_thread::get_id()) return;
  std::fputs("an object that belongs to one thread was used by another\n", stderr);
  std::abort();
}

}  // namespace desa2va::exec
