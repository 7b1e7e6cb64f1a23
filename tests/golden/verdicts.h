#pragma once

#include <map>
#include <string>

#include "tests/golden/case.h"

namespace desa2va::golden {

// What became of the cases: prints each as it is added, and at the end a table of modules with
// the largest error of each.
class Verdicts {
 public:
  // `name`: the case, as printed. `module`: what it tests ("qwen2", or the name of a JSON file).
  void add(const std::string& name, const std::string& module, const Case& c);
  void fail(const std::string& name, const std::string& why);
  void skip(const std::string& name, const std::string& why);

  // The table, then `K skipped` if any were, then `N passed, M failed`.
  void print_summary() const;
  bool any_failed() const { return failed_ > 0; }

 private:
  struct Module {
    int cases = 0;
    std::size_t comparisons = 0;
    double error = 0;
    std::string worst;  // case and tensor of `error`
  };
  std::map<std::string, Module> modules_;
  int passed_ = 0, failed_ = 0, skipped_ = 0;
};

}  // namespace desa2va::golden
