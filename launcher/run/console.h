#pragma once

#include <cstdint>
#include <string>
#include <vector>

// Words for people, on standard error; standard output is for results.
namespace desa2va::launcher {

// One line that is rewritten on a terminal. Elsewhere lines are printed one after another, at most
// one every `quiet_ns`, and those marked important. Belongs to the main thread.
class Console {
 public:
  explicit Console(std::int64_t quiet_ns = 10'000'000'000);
  ~Console();  // ends a line that is open

  void progress(const std::string& line, std::int64_t now_ns, bool important = false);
  // A line that stays, above the progress line.
  void say(const std::string& line);

 private:
  void clear();

  const bool terminal_;
  const std::int64_t quiet_ns_;
  std::int64_t last_ns_ = 0;
  bool any_ = false;
  bool open_ = false;
};

// Columns padded to their widest cell; the first row is the heading. Cells that are numbers are
// aligned to the right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace desa2va::launcher
