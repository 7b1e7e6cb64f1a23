#include "common/evaluation/files/report.h"

#include <algorithm>

namespace desa2va::evaluation {

void finish_warnings(ScoreReport& report, const std::vector<std::string>& warnings) {
  constexpr std::size_t kShown = 20;
  report.warnings.assign(warnings.begin(), warnings.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                  warnings.size(), kShown)));
  if (warnings.size() > kShown)
    report.warnings.push_back(fmt::format("and {} warnings more", warnings.size() - kShown));
  report.document["warnings"] = warnings;
}

}  // namespace desa2va::evaluation
