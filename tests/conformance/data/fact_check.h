#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace desa2va::checks {

// Compares what we found with what a file says, fact by fact: every leaf of the expected JSON is
// one. Disagreements are printed as they come ("path: expected 3, found 4"), long lists shortened.
class FactCheck {
 public:
  // Everything in `expected` must be in `found`; `found` may hold more.
  void compare(const std::string& path, const nlohmann::json& expected,
               const nlohmann::json& found);
  // One fact that is more than equality.
  void require(const std::string& path, bool holds, const std::string& what);

  // Begins a subject (a video, a data set); a subject without any fact is a disagreement itself.
  void begin(std::string subject);
  void finish();
  // A subject that nothing here can read; counts as a disagreement unless `allowed`.
  void skip(const std::string& subject, const std::string& why, bool allowed);

  // Prints the totals; the exit code of a check program.
  int report() const;

 private:
  void disagree(const std::string& path, const std::string& what);

  std::string subject_;
  std::size_t subject_start_ = 0;
  std::size_t facts_ = 0;
  std::size_t disagreements_ = 0;
  std::vector<std::string> lines_;  // one per finished subject
};

// A JSON file, or an exit with code 2 and a message.
nlohmann::json read_json_or_exit(const std::string& path);

}  // namespace desa2va::checks
