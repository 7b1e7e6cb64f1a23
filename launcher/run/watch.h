#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/supervision/supervisor.h"

// What the launcher decides while a run lives: values in, one word out; no process, no clock.
namespace desa2va::launcher {

// Why a run failed, for people and report.json.
struct Failure {
  std::string process;  // "sam2-0"
  std::string reason;   // a sentence that names the process
  std::string remedy;
  std::string log_tail;
  int exit_code = 5;
};

enum class Next {
  Wait,
  AskToFinish,  // tell the conductor: finish the step, checkpoint, stop everyone
  Stop,         // one failed: end the others in good order
  Kill,         // end everything at once
  End           // no process is left
};

class Watch {
 public:
  // `conductor` takes the first Ctrl-C; that it ends because of it is no failure.
  Watch(std::size_t processes, std::string conductor)
      : running_(processes), conductor_(std::move(conductor)) {}

  // Every process is ready. Before that a first signal ends all at once: there is no step to
  // finish, and a process that still starts would not understand it.
  void on_all_ready() { ready_ = true; }
  // How many signals came so far, and which was the last (SIGINT, SIGTERM).
  Next on_signals(int count, int last);
  Next on_exit(const supervision::Exited& exited);

  // The failure that caused the end, of those seen so far: the loss of a peer gives way to what
  // killed the peer, in whatever order the two were seen.
  std::optional<Failure> failure() const;
  bool interrupted() const { return signals_ > 0 || conductor_interrupted_; }
  // How the program ends once all processes have: the failure's code; 130 after Ctrl-C and 75 after
  // SIGTERM; 0.
  int exit_code() const;

 private:
  std::size_t running_;
  const std::string conductor_;
  bool ready_ = false;
  bool conductor_interrupted_ = false;
  int signals_ = 0;
  int last_signal_ = 0;
  bool killing_ = false;
  std::vector<supervision::Exited> exits_;
};

// What a user can do about a run that ended with this code.
std::string remedy_for(int exit_code, const std::string& process);

}  // namespace desa2va::launcher
