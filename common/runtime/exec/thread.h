#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

namespace desa2va::exec {

// Names the calling thread in tools and traces; at most 15 characters are kept.
void name_thread(const std::string& name);
// The kernel's number of the calling thread, as tools show it.
std::uint32_t thread_id();

// Signals are for the main thread: blocks all of them in the calling one.
void block_signals();

// A named thread that takes no signals; joins when destroyed. `work` gets a stop_token and must let
// no exception out.
template <class F>
std::jthread start_thread(std::string name, F&& work) {
  return std::jthread(
      [name = std::move(name), work = std::forward<F>(work)](const std::stop_token& stop) mutable {
        block_signals();
        name_thread(name);
        work(stop);
      });
}

// Belongs-to-one-thread, checked in debug builds: the first call adopts the caller.
class ThreadChecker {
 public:
  void assert_here() const {
#ifndef NDEBUG
    check();
#endif
  }

 private:
  void check() const;
  mutable std::thread::id owner_;
};

}  // namespace desa2va::exec
