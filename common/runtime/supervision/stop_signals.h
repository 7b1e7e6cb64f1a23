#pragma once

namespace desa2va::supervision {

// SIGINT and SIGTERM as something to wait for. Construct it first in main(), before any thread:
// it blocks both signals (and SIGPIPE) in this thread, and threads inherit that. One per process;
// belongs to the main thread.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Readable when a signal came.
  int fd() const { return fd_; }

  // How many came so far: the launcher finishes the step at the first, leaves at once at the
  // second.
  int count();
  // One came since the last `acknowledge`. Never blocks.
  bool requested() { return count() > acknowledged_; }
  void acknowledge() { acknowledged_ = count(); }
  // The last signal's number, 0 if none came.
  int last() const { return last_; }

 private:
  int fd_ = -1;
  int count_ = 0;
  int acknowledged_ = 0;
  int last_ = 0;
};

}  // namespace desa2va::supervision
