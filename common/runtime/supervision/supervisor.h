#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace desa2va::supervision {

struct ProcessSpec {
  std::string name;               // "sam2-1", in every message about it
  std::vector<std::string> argv;  // argv[0]: path of the program; "--ready-fd=N" is appended
  std::map<std::string, std::string> environment;  // added to ours
  std::string log_path;                            // its standard output and error, appended
};

struct Ready {
  std::string name;
};

// How a process ended. `reason` is a sentence: what it reported itself, else "killed by SIGKILL",
// "exited with 70"; `log_tail` the last lines of its log.
struct Exited {
  std::string name;
  std::int64_t pid = 0;
  int exit_code = 0;  // of the process, 128 + signal if killed
  int signal = 0;
  bool asked = false;     // we had told it to stop
  bool expected = false;  // exit code 0, or asked and ended by the stop
  std::string reason;
  std::optional<int> run_exit_code;  // the exit code it reported the run should end with
  std::string log_tail;
};
using ProcessEvent = std::variant<Ready, Exited>;

// Starts the processes of a run and knows at once when one ends. Belongs to the main thread of
// the launcher, which must be the one to start processes: their parent-death signal follows the
// thread that forked.
//
// Nothing outlives the launcher, kill -9 included: children die with it (PDEATHSIG), and it
// adopts what they leave behind (subreaper) and ends that too. After kill -9 grandchildren are
// reached since each child is the leader of a group that a guard process watches.
class Supervisor {
 public:
  explicit Supervisor(const Clock& clock);
  ~Supervisor();  // stop_all with no grace
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // NotFound if the program is missing (exit code 2).
  Result<void> start(const ProcessSpec& spec);

  // The next event, waiting at most `timeout_ms` (-1: no limit) or until `other_fd` is readable.
  std::optional<ProcessEvent> wait(int timeout_ms, int other_fd = -1);

  std::size_t running() const;
  std::vector<std::string> names() const;           // of those running
  std::int64_t pid(const std::string& name) const;  // 0 if not running

  // In good order: SIGTERM to all, wait until `grace_ms`, SIGKILL to the rest and to whatever
  // they left behind. Returns how each ended.
  std::vector<Exited> stop_all(int grace_ms);
  // To one process and its group.
  void signal(const std::string& name, int signal);

 private:
  struct Child;
  const Clock& clock_;
  std::vector<Child> children_;
  std::vector<ProcessEvent> pending_;
};

}  // namespace desa2va::supervision
