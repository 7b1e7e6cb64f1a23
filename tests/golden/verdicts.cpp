#include "tests/golden/verdicts.h"

#include <algorithm>

#include <fmt/format.h>

namespace desa2va::golden {

void Verdicts::add(const std::string& name, const std::string& module, const Case& c) {
  if (!c.skipped().empty()) return skip(name, c.skipped());
  bool good = true;
  for (const auto& line : c.lines()) {
    good = good && line.good;
    fmt::print("  {:<60} {:.3g}{}{}{}\n", line.tensor, line.error, line.good ? "" : "  FAILED",
               line.remark.empty() ? "" : ": ", line.remark);
  }
  const auto worst =
      std::max_element(c.lines().begin(), c.lines().end(),
                       [](const Case::Line& a, const Case::Line& b) { return a.error < b.error; });
  fmt::print("{}: {}, {} comparisons, largest error {:.3g} ({})\n", name,
             good ? "passed" : "FAILED", c.lines().size(), worst->error, worst->tensor);
  ++(good ? passed_ : failed_);
  Module& total = modules_[module];
  ++total.cases;
  total.comparisons += c.lines().size();
  if (worst->error > total.error) {
    total.error = worst->error;
    total.worst = fmt::format("{}: {}", name, worst->tensor);
  }
}

void Verdicts::fail(const std::string& name, const std::string& why) {
  ++failed_;
  fmt::print("{}: FAILED: {}\n", name, why);
}

void Verdicts::skip(const std::string& name, const std::string& why) {
  ++skipped_;
  fmt::print("{}: skipped: {}\n", name, why);
}

void Verdicts::print_summary() const {
  if (!modules_.empty())
    fmt::print("\n{:<22} {:>5} {:>11} {:>13}  {}\n", "module", "cases", "comparisons",
               "largest error", "where");
  for (const auto& [module, total] : modules_)
    fmt::print("{:<22} {:>5} {:>11} {:>13.2g}  {}\n", module, total.cases, total.comparisons,
               total.error, total.worst);
  fmt::print("\n");
  if (skipped_ > 0) fmt::print("{} skipped\n", skipped_);
  fmt::print("{} passed, {} failed\n", passed_, failed_);
}

}  // namespace desa2va::golden
