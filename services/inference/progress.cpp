#include "services/inference/progress.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace desa2va::inference {
namespace {

constexpr std::chrono::milliseconds kTerminal(200);
constexpr std::chrono::seconds kElsewhere(10);

}  // namespace

FrameProgress::FrameProgress(bool shown)
    : shown_(shown),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

void FrameProgress::print(std::int64_t frames, Time now) const {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "{}frame {}, {:.1f} frames/s", terminal_ ? "\r\x1b[K" : "", frames,
             seconds > 0 ? static_cast<double>(frames) / seconds : 0.0);
  if (!terminal_) std::fputc('\n', stderr);
  std::fflush(stderr);
}

void FrameProgress::at(std::int64_t frames) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  const auto pause = terminal_ ? std::chrono::steady_clock::duration(kTerminal)
                               : std::chrono::steady_clock::duration(kElsewhere);
  if (now - last_ < pause) return;
  last_ = now;
  print(frames, now);
}

void FrameProgress::end(std::int64_t frames) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "{}{} frame{} in {:.1f} s, {:.1f} frames/s\n", terminal_ ? "\r\x1b[K" : "",
             frames, frames == 1 ? "" : "s", seconds,
             seconds > 0 ? static_cast<double>(frames) / seconds : 0.0);
}

}  // namespace desa2va::inference
