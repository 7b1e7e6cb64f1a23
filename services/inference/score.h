#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

// Scores of predicted masks against the objects of their scene: integers and ratios, no pixels
// kept.
namespace desa2va::inference {

// 0 or 1 a pixel, one picture; all masks of a scene have the same size.
using Mask = std::vector<std::uint8_t>;

// |a and b| / |a or b|; 1 if both are empty.
double iou(const Mask& a, const Mask& b);

// The object that `prediction` overlaps most, by IoU; -1 when it overlaps none. The first of
// equals.
int best_object(const Mask& prediction, std::span<const Mask> objects);

// Means over (sentence, frame) pairs in which the named object is to be seen.
struct Score {
  std::uint64_t count = 0;
  double iou_sum = 0;
  std::uint64_t right = 0;  // the named object is the one overlapped most
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_need;  // right, count

  // `need`: what the sentence needs beyond colour ("colour": nothing); empty when unknown.
  void add(const Mask& prediction, std::span<const Mask> objects, std::size_t named,
           const std::string& need);
  double miou() const { return count == 0 ? 0 : iou_sum / static_cast<double>(count); }
  double right_object() const {
    return count == 0 ? 0 : static_cast<double>(right) / static_cast<double>(count);
  }
  // Share of right objects where colour alone tells, and where it does not; -1 without such cases.
  double right_by_colour() const;
  double right_beyond_colour() const;
};

}  // namespace desa2va::inference
