#pragma once

#include <string>

#include "common/base/result.h"
#include "common/runtime/supervision/supervisor.h"

namespace desa2va::supervision {

// A file descriptor that is closed.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept;
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// One process that was started: its pidfd and its line to us.
class Child {
 public:
  static Result<std::unique_ptr<Child>> start(const ProcessSpec& spec);

  const std::string& name() const { return spec_.name; }
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  int line_fd() const { return line_.get(); }

  // Reads what it said. True the first time that it said "ready".
  bool read_line();
  void signal(int number, bool asks_to_end);
  // Collects the process, which has ended, and kills what is left of its group.
  Exited collect();

 private:
  explicit Child(ProcessSpec spec) : spec_(std::move(spec)) {}

  const ProcessSpec spec_;
  pid_t pid_ = 0;
  Fd pidfd_;
  Fd line_;
  std::string said_;
  bool ready_ = false;
  bool asked_ = false;
  std::optional<Failure> report_;
};

// A process that outlives a killed launcher for as long as it takes to kill the groups it was told
// of. Forked before anything else; keeps no descriptor but its pipe, heeds no signal but SIGKILL.
class Guard {
 public:
  Guard();
  ~Guard();  // It ends, killing what it still watches.
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void watch(pid_t group);
  void forget(pid_t group);

 private:
  pid_t pid_ = -1;
  Fd pipe_;
};

}  // namespace desa2va::supervision
