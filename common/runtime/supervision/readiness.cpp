#include "common/runtime/supervision/readiness.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace desa2va::supervision {
namespace {

constexpr std::string_view kReady = "ready";
constexpr std::string_view kFailed = "failed ";
// One line is one write to a pipe: below PIPE_BUF it arrives whole.
constexpr std::size_t kLongestLine = 3500;

}  // namespace

Readiness::Readiness(int fd) : fd_(fd) {
  if (fd_ >= 0) fcntl(fd_, F_SETFD, FD_CLOEXEC);
}

Readiness::~Readiness() {
  if (fd_ >= 0) close(fd_);
}

void Readiness::announce() {
  if (!announced_) write_line(std::string(kReady));
  announced_ = true;
}

void Readiness::failed(const Failure& failure) {
  std::string message = failure.message;
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (message.size() > kLongestLine) message.resize(kLongestLine);
  write_line(fmt::format("{}{} {} {}", kFailed, static_cast<int>(failure.code), failure.exit_code,
                         message));
}

void Readiness::write_line(const std::string& line) {
  if (fd_ < 0) return;
  const std::string text = line + "\n";
  [[maybe_unused]] const auto written = write(fd_, text.data(), text.size());
}

bool is_ready_line(std::string_view line) {
  return line == kReady;
}

std::optional<Failure> parse_failure_line(std::string_view line) {
  if (!line.starts_with(kFailed)) return std::nullopt;
  line.remove_prefix(kFailed.size());
  int numbers[2] = {0, 0};
  for (int& number : numbers) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || end == line.data() + line.size() || *end != ' ')
      return std::nullopt;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  }
  if (numbers[0] < 0 || numbers[0] > static_cast<int>(Errc::Internal)) return std::nullopt;
  return Failure{static_cast<Errc>(numbers[0]), numbers[1], std::string(line)};
}

}  // namespace desa2va::supervision
