#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "common/config/load.h"

// The directory of one run, held by one launcher.
namespace desa2va::launcher {

// The layout in docs/operations.md; a directory of a higher number is refused.
inline constexpr int kRunFormat = 1;

// Belongs to the main thread. While it lives nobody else can claim the directory; destruction (or
// the launcher's death) gives it free and removes the sockets.
class RunDir {
 public:
  // Makes the directory if needed and takes its lock. Exit code 2 when another live process has it
  // (named by pid), when processes of an earlier launch still end after `patience_ms`, when it was
  // written by a newer version, or when it cannot be written.
  static Result<RunDir> claim(const std::string& path, int patience_ms = 5000);
  RunDir(RunDir&&) noexcept;
  RunDir& operator=(RunDir&&) noexcept;
  ~RunDir();

  const std::string& path() const;

  // The step of the newest checkpoint; empty when the run starts from nothing.
  Result<std::optional<std::uint64_t>> last_checkpoint() const;

  // The configuration goes on from a checkpoint only with equal values (resume_conflicts): exit
  // code 2 naming each key with the old and the new one. Then, or without a checkpoint, stored.
  Result<void> adopt(const config::Config& config, bool resuming);

  // A new, short, private directory for ipc sockets, named in the file `sockets`.
  Result<std::string> make_socket_dir();

  // One line in events.jsonl: {"event": kind, "time": seconds since 1970, ...`fields`}.
  void event(std::string_view kind) const;
  void event(std::string_view kind, const nlohmann::json& fields) const;

 private:
  struct Held;
  explicit RunDir(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

// "PATH/": as every process of a run has it in its command line, after --run-dir=.
std::string run_dir_argument(const std::string& path);

// Processes other than this one whose command line has `argument`, lowest pid first.
std::vector<int> processes_with_argument(const std::string& argument);

// Writes the whole file beside its place and renames it there.
Result<void> replace_file(const std::string& path, std::string_view content);

}  // namespace desa2va::launcher
