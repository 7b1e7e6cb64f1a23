#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/supervision/readiness.h"

namespace desa2va::supervision {

class Child;
class Guard;

struct ProcessSpec {
  std::string name;               // "sam2-1", in every message about it
  std::vector<std::string> argv;  // argv[0]: path of the program; "--ready-fd=N" is appended
  std::map<std::string, std::string> environment = {};  // added to ours
  std::string log_path;  // its standard output and error, appended; empty: /dev/null
};

struct Ready {
  std::string name;
};

// How a process ended.
struct Exited {
  std::string name;
  std::int64_t pid = 0;
  int exit_code = 0;              // of the process; 128 + signal if one killed it
  int signal = 0;                 // 0: it exited
  bool asked = false;             // we had told it to stop
  std::optional<Failure> report;  // what it said itself before it ended
  std::string log_tail;           // the last lines of its log, if it did not end well

  // It ended as it should: with 0, or because it was asked to.
  bool well() const { return exit_code == 0 || (asked && !report); }
  // "sam2-1 (pid 4711) was killed by SIGKILL", "data-0 (pid 4712): read shard 3: checksum differs".
  std::string describe() const;
};
using ProcessEvent = std::variant<Ready, Exited>;

// Of several ends that came together the one that caused the others: the first that was not just
// the loss of a peer. Null if all ended well.
const Exited* first_cause(const std::vector<Exited>& exits);

// Starts the processes of a run and knows at once when one ends. Belongs to the main thread of
// the launcher, which must be the one to start processes: their parent-death signal follows the
// thread that forked.
//
// Nothing outlives the launcher, kill -9 included. Each process leads a process group of its own.
// When it ends, for whatever reason, the rest of its group is killed. When the launcher ends, the
// kernel kills the processes (PDEATHSIG) and a guard, a small process forked first, kills their
// groups. Orphans come to the launcher (subreaper) and leave no zombies.
class Supervisor {
 public:
  explicit Supervisor(const Clock& clock);
  ~Supervisor();  // stop_all without grace
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // NotFound if the program is missing (exit code 2).
  Result<void> start(const ProcessSpec& spec);

  // The next event, waiting at most `timeout_ms` (-1: no limit) or until `other_fd` is readable.
  std::optional<ProcessEvent> wait(int timeout_ms, int other_fd = -1);

  std::size_t running() const { return children_.size(); }
  std::vector<std::string> names() const;           // of those running, in the order started
  std::int64_t pid(const std::string& name) const;  // 0 if not running

  // In good order: SIGTERM to all, wait until `grace_ms`, SIGKILL to the rest and to whatever
  // they left behind. Returns how each ended.
  std::vector<Exited> stop_all(int grace_ms);
  // To one process, not its group. NotFound if it does not run.
  Result<void> send_signal(const std::string& name, int signal);

 private:
  std::optional<ProcessEvent> take_event();
  Exited reap(std::size_t index);

  const Clock& clock_;
  std::unique_ptr<Guard> guard_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace desa2va::supervision
