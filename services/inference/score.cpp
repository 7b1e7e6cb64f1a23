#include "services/inference/score.h"

namespace desa2va::inference {

double iou(const Mask& a, const Mask& b) {
  std::uint64_t both = 0;
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    both += a[i] & b[i];
    any += a[i] | b[i];
  }
  return any == 0 ? 1 : static_cast<double>(both) / static_cast<double>(any);
}

int best_object(const Mask& prediction, std::span<const Mask> objects) {
  int best = -1;
  double best_iou = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const double value = iou(prediction, objects[i]);
    if (value > best_iou) {
      best = static_cast<int>(i);
      best_iou = value;
    }
  }
  return best;
}

void Score::add(const Mask& prediction, std::span<const Mask> objects, std::size_t named,
                const std::string& need) {
  ++count;
  iou_sum += iou(prediction, objects[named]);
  const bool hit = best_object(prediction, objects) == static_cast<int>(named);
  right += hit ? 1 : 0;
  if (need.empty()) return;
  auto& [hits, cases] = by_need[need];
  hits += hit ? 1 : 0;
  ++cases;
}

double Score::right_by_colour() const {
  const auto found = by_need.find("colour");
  if (found == by_need.end()) return -1;
  return static_cast<double>(found->second.first) / static_cast<double>(found->second.second);
}

double Score::right_beyond_colour() const {
  std::uint64_t hits = 0;
  std::uint64_t cases = 0;
  for (const auto& [need, counts] : by_need) {
    if (need == "colour") continue;
    hits += counts.first;
    cases += counts.second;
  }
  return cases == 0 ? -1 : static_cast<double>(hits) / static_cast<double>(cases);
}

}  // namespace desa2va::inference
