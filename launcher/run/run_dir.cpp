#include "launcher/run/run_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/config/run_files.h"
#include "common/storage/checkpoint/catalog.h"

namespace desa2va::launcher {
namespace fs = std::filesystem;
namespace {

Error usage(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// Waits until no process has `argument`, looking every 20 ms.
Result<void> wait_for_the_end(const std::string& path, const std::string& argument,
                              int patience_ms) {
  const SystemClock clock;
  const std::int64_t deadline = clock.now_ns() + patience_ms * std::int64_t{1000000};
  for (;;) {
    const std::vector<int> left = processes_with_argument(argument);
    if (left.empty()) return {};
    if (clock.now_ns() >= deadline)
      return usage(fmt::format(
          "{}: process {} of an earlier launch is still alive; end it (kill {}) and run again",
          path, left.front(), left.front()));
    ::poll(nullptr, 0, 20);
  }
}

Result<void> check_format(const std::string& path) {
  const std::string line = first_line(config::run_file(path, "format"));
  if (line.empty())
    return replace_file(config::run_file(path, "format"), fmt::format("{}\n", kRunFormat));
  int format = 0;
  std::from_chars(line.data(), line.data() + line.size(), format);
  if (format >= 1 && format <= kRunFormat) return {};
  return usage(
      fmt::format("{}: was written by a newer version (format \"{}\", this program knows {}): use "
                  "that version, "
                  "or another run.dir",
                  path, line, kRunFormat));
}

}  // namespace

struct RunDir::Held {
  std::string path;
  int lock_fd = -1;
  std::string sockets;

  ~Held() {
    std::error_code ignored;
    if (!sockets.empty()) {
      fs::remove_all(sockets, ignored);
      fs::remove(config::run_file(path, "sockets"), ignored);
    }
    if (lock_fd >= 0) ::close(lock_fd);
  }
};

RunDir::RunDir(std::unique_ptr<Held> held) : held_(std::move(held)) {}
RunDir::RunDir(RunDir&&) noexcept = default;
RunDir& RunDir::operator=(RunDir&&) noexcept = default;
RunDir::~RunDir() = default;

const std::string& RunDir::path() const {
  return held_->path;
}

Result<RunDir> RunDir::claim(const std::string& path, int patience_ms) {
  if (path.empty()) return usage("run.dir: not set; give it in the file or as run.dir=PATH");
  std::error_code error;
  for (const char* folder : {"logs", "trace", "checkpoints"}) {
    fs::create_directories(fs::path(path) / folder, error);
    if (error)
      return usage(fmt::format("run.dir: cannot make {}/{}: {}", path, folder, error.message()));
  }
  auto held = std::make_unique<Held>();
  held->path = path;
  const std::string lock = config::run_file(path, "lock");
  held->lock_fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (held->lock_fd < 0)
    return usage(fmt::format("{}: cannot be opened: {}", lock, std::strerror(errno)));
  if (::flock(held->lock_fd, LOCK_EX | LOCK_NB) != 0)
    return usage(fmt::format(
        "{}: belongs to a live run, process {}; wait for it, stop it, or choose another run.dir",
        path, first_line(lock)));
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(held->lock_fd, 0) != 0 ||
      ::pwrite(held->lock_fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return usage(fmt::format("{}: cannot be written: {}", lock, std::strerror(errno)));
  DESA2VA_TRY(wait_for_the_end(path, run_dir_argument(path), patience_ms));
  DESA2VA_TRY(check_format(path));
  // What a killed launcher left.
  if (const auto old = config::socket_dir(path);
      old && fs::path(*old).filename().string().starts_with("d2-"))
    fs::remove_all(*old, error);
  return RunDir(std::move(held));
}

Result<std::optional<std::uint64_t>> RunDir::last_checkpoint() const {
  const auto catalog = checkpoint::Catalog::open_read_only(config::checkpoint_dir(path()));
  if (!catalog) {
    if (catalog.error().code() == Errc::NotFound) return std::optional<std::uint64_t>();
    return Error(catalog.error()).in(config::checkpoint_dir(path()));
  }
  return catalog->last_step();
}

Result<void> RunDir::adopt(const config::Config& config, bool resuming) {
  if (resuming) {
    DESA2VA_ASSIGN(const config::Config stored, config::load_run(path()));
    const auto conflicts = config::resume_conflicts(stored, config);
    if (!conflicts.empty()) {
      std::string list;
      for (const auto& c : conflicts)
        list += fmt::format("\n  {}: the run has {}, now {}", c.key, c.old_value, c.new_value);
      return usage(
          fmt::format("{}: goes on from a checkpoint, so these keys may not change:{}\n"
                      "give them their old values, or choose another run.dir",
                      path(), list));
    }
  }
  return replace_file(config::config_file(path()), config::to_yaml(config)).in("config.yaml");
}

Result<std::string> RunDir::make_socket_dir() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const char* parent : {runtime, "/tmp"}) {
    if (parent == nullptr || std::strlen(parent) > 60) continue;
    std::string name = fmt::format("{}/d2-XXXXXX", parent);
    if (::mkdtemp(name.data()) == nullptr) continue;
    held_->sockets = name;
    DESA2VA_TRY(replace_file(config::run_file(path(), "sockets"), name + "\n"));
    return name;
  }
  return usage("no directory for sockets: neither $XDG_RUNTIME_DIR nor /tmp can be written");
}

void RunDir::event(std::string_view kind) const {
  event(kind, nlohmann::json::object());
}

void RunDir::event(std::string_view kind, const nlohmann::json& fields) const {
  nlohmann::json object = {{"event", kind}, {"time", SystemClock().wall_seconds()}};
  object.update(fields);
  const std::string line = object.dump() + "\n";
  // One write in append mode: lines of several writers do not mix.
  const int fd =
      ::open(config::events_file(path()).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  [[maybe_unused]] const auto written = ::write(fd, line.data(), line.size());
  ::close(fd);
}

std::string run_dir_argument(const std::string& path) {
  return "--run-dir=" + path + "/";
}

std::vector<int> processes_with_argument(const std::string& argument) {
  std::vector<int> found;
  const std::string wanted = std::string(1, '\0') + argument + '\0';
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.find(wanted) != std::string::npos) found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<void> replace_file(const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out) return usage(fmt::format("{}: cannot be written", beside));
  }
  if (::rename(beside.c_str(), path.c_str()) != 0)
    return usage(fmt::format("{}: cannot be replaced: {}", path, std::strerror(errno)));
  return {};
}

}  // namespace desa2va::launcher
