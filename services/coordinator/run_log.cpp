#include "services/coordinator/run_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/config/run_files.h"

namespace desa2va::coordinator {
namespace {

Error file_error(const std::string& what) {
  const Errc code = errno == ENOSPC || errno == EDQUOT ? Errc::Overloaded : Errc::Unavailable;
  return fail(code, "{}: {}", what, std::strerror(errno)).with_exit(ExitCode::Storage);
}

Result<void> write_line(int fd, std::string line, const char* what) {
  line += '\n';
  if (::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size())) return {};
  return file_error(fmt::format("write {}", what));
}

// Bytes up to and with the line of `step`; a last line without its end is not one.
Result<std::uint64_t> length_through(const std::string& path, std::uint64_t step) {
  std::ifstream in(path);
  std::uint64_t length = 0;
  for (std::string line; std::getline(in, line) && !in.eof(); length += line.size() + 1) {
    constexpr std::string_view kStart = "{\"step\":";
    if (!line.starts_with(kStart))
      return fail(Errc::Corrupt, "{} has a line that is none of ours: {:.60}", path, line)
          .with_exit(ExitCode::Storage);
    if (std::strtoull(line.c_str() + kStart.size(), nullptr, 10) > step) break;
  }
  return length;
}

}  // namespace

Result<RunLog> RunLog::open(const std::string& run_dir, std::uint64_t step, const Clock& clock) {
  const std::string path = config::metrics_file(run_dir);
  const int metrics = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (metrics < 0) return file_error(path);
  const int events =
      ::open(config::events_file(run_dir).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  RunLog log(metrics, events, clock);
  if (events < 0) return file_error(config::events_file(run_dir));
  DESA2VA_ASSIGN(const std::uint64_t length, length_through(path, step));
  if (::ftruncate(metrics, static_cast<off_t>(length)) != 0) return file_error(path);
  return log;
}

RunLog::RunLog(int metrics_fd, int events_fd, const Clock& clock)
    : metrics_fd_(metrics_fd), events_fd_(events_fd), clock_(clock), last_ns_(clock.now_ns()) {}

RunLog::RunLog(RunLog&& other) noexcept
    : metrics_fd_(std::exchange(other.metrics_fd_, -1)),
      events_fd_(std::exchange(other.events_fd_, -1)),
      clock_(other.clock_),
      last_ns_(other.last_ns_) {}

RunLog::~RunLog() {
  if (metrics_fd_ >= 0) ::close(metrics_fd_);
  if (events_fd_ >= 0) ::close(events_fd_);
}

Result<void> RunLog::metrics(const StepMetrics& metrics, const std::string& time_members) {
  const std::int64_t now = clock_.now_ns();
  const std::string time = fmt::format(
      "{{\"seconds\":{:.6f},\"at\":{:.3f}{}{}}}", static_cast<double>(now - last_ns_) * 1e-9,
      clock_.wall_seconds(), time_members.empty() ? "" : ",", time_members);
  last_ns_ = now;
  return write_line(metrics_fd_, to_json(metrics, time), "metrics.jsonl");
}

Result<void> RunLog::event(const std::string& kind, const std::string& members) {
  return write_line(events_fd_,
                    fmt::format("{{\"event\":\"{}\",\"time\":{:.3f}{}{}}}", kind,
                                clock_.wall_seconds(), members.empty() ? "" : ",", members),
                    "events.jsonl");
}

Result<void> RunLog::sync() {
  if (::fdatasync(metrics_fd_) != 0) return file_error("sync metrics.jsonl");
  return {};
}

}  // namespace desa2va::coordinator
