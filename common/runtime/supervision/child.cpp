#include "common/runtime/supervision/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

extern char** environ;

namespace desa2va::supervision {
namespace {

constexpr std::size_t kTailBytes = 2048;

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!added.count(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [key, value] : added) merged.push_back(fmt::format("{}={}", key, value));
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// After fork, before exec: async-signal-safe calls only. The error pipe closes on success.
[[noreturn]] void become(pid_t launcher, int line, int log, int error_pipe, char** argv,
                         char** envp) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The launcher may have died before that line.
  if (getppid() != launcher) _exit(1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(log < 0 ? null : log, STDOUT_FILENO);
  dup2(log < 0 ? null : log, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
  fcntl(line, F_SETFD, 0);
  execve(argv[0], argv, envp);
  const int reason = errno;
  [[maybe_unused]] const auto written = write(error_pipe, &reason, sizeof reason);
  _exit(127);
}

std::string tail_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const auto size = static_cast<std::size_t>(file.tellg());
  const std::size_t from = size > kTailBytes ? size - kTailBytes : 0;
  file.seekg(static_cast<std::streamoff>(from));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (from > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(const ProcessSpec& spec) {
  const std::string& program = spec.argv.at(0);
  if (access(program.c_str(), X_OK) != 0) {
    return fail(Errc::NotFound, "start {}: {} is missing or no program ({}); build it first",
                spec.name, program, std::strerror(errno))
        .with_exit(ExitCode::Usage);
  }
  Fd log;
  if (!spec.log_path.empty()) {
    log = Fd(open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!log.open()) {
      return fail(Errc::Unavailable, "start {}: log {}: {}", spec.name, spec.log_path,
                  std::strerror(errno));
    }
  }
  int line_ends[2];
  int error_ends[2];
  if (pipe2(line_ends, O_CLOEXEC) != 0)
    return fail(Errc::Unavailable, "start {}: pipe: {}", spec.name, std::strerror(errno));
  std::unique_ptr<Child> child(new Child(spec));
  child->line_ = Fd(line_ends[0]);
  const Fd line_out(line_ends[1]);
  if (pipe2(error_ends, O_CLOEXEC) != 0)
    return fail(Errc::Unavailable, "start {}: pipe: {}", spec.name, std::strerror(errno));
  const Fd error_in(error_ends[0]);
  Fd error_out(error_ends[1]);
  fcntl(child->line_.get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> arguments = spec.argv;
  arguments.push_back(fmt::format("--ready-fd={}", line_out.get()));
  std::vector<std::string> environment = merged_environment(spec.environment);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const pid_t launcher = getpid();
  child->pid_ = fork();
  if (child->pid_ < 0)
    return fail(Errc::Unavailable, "start {}: fork: {}", spec.name, std::strerror(errno));
  if (child->pid_ == 0) {
    become(launcher, line_out.get(), log.get(), error_out.get(), const_cast<char**>(argv.data()),
           const_cast<char**>(envp.data()));
  }
  setpgid(child->pid_, child->pid_);  // Both sides: whoever is first.
  child->pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, child->pid_, 0)));
  error_out.reset();
  int reason = 0;
  if (read(error_in.get(), &reason, sizeof reason) == static_cast<ssize_t>(sizeof reason)) {
    waitpid(child->pid_, nullptr, 0);
    return fail(Errc::NotFound, "start {}: {}: {}", spec.name, program, std::strerror(reason))
        .with_exit(ExitCode::Usage);
  }
  return child;
}

bool Child::read_line() {
  char part[4096];
  ssize_t got = 0;
  while ((got = read(line_.get(), part, sizeof part)) > 0)
    said_.append(part, static_cast<std::size_t>(got));
  if (got == 0) line_.reset();  // It will say no more.
  bool became_ready = false;
  for (std::size_t end = said_.find('\n'); end != std::string::npos; end = said_.find('\n')) {
    const std::string line = said_.substr(0, end);
    said_.erase(0, end + 1);
    if (is_ready_line(line)) became_ready = !std::exchange(ready_, true);
    if (auto failure = parse_failure_line(line); failure && !report_) report_ = std::move(failure);
  }
  return became_ready;
}

void Child::signal(int number, bool asks_to_end) {
  asked_ = asked_ || asks_to_end;
  syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

Exited Child::collect() {
  if (line_.open()) read_line();
  // Before it is reaped: until then its number is not given to another group.
  kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  // What it left behind has become ours (subreaper).
  while (waitpid(-pid_, nullptr, 0) > 0) {
  }
  Exited exited;
  exited.name = spec_.name;
  exited.pid = pid_;
  exited.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  exited.exit_code = exited.signal != 0 ? 128 + exited.signal : WEXITSTATUS(status);
  exited.asked = asked_;
  exited.report = std::move(report_);
  if (!exited.well() && !spec_.log_path.empty()) exited.log_tail = tail_of(spec_.log_path);
  return exited;
}

}  // namespace desa2va::supervision
