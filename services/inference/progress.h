#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace desa2va::inference {

// "frame 120, 14.2 frames/s" on standard error: one line that is written over on a terminal, a line
// every ten seconds elsewhere. One thread.
class FrameProgress {
 public:
  explicit FrameProgress(bool shown);
  void at(std::int64_t frames);
  void end(std::int64_t frames);  // the line that stays

 private:
  using Time = std::chrono::steady_clock::time_point;
  void print(std::int64_t frames, Time now) const;

  bool shown_;
  bool terminal_;
  Time start_, last_;
};

}  // namespace desa2va::inference
