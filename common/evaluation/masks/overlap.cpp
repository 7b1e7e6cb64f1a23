#include "common/evaluation/masks/overlap.h"

#include <array>

namespace desa2va::evaluation {

Result<Overlap> overlap(const preprocess::Rle& truth, const preprocess::Rle& prediction) {
  const std::array both = {truth, prediction};
  DESA2VA_ASSIGN(const preprocess::Rle common, preprocess::intersect(both));
  Overlap out;
  out.intersection = preprocess::area(common);
  out.truth = preprocess::area(truth);
  out.united = out.truth + preprocess::area(prediction) - out.intersection;
  return out;
}

void ReferringScore::add(const Overlap& overlap) {
  ++queries_;
  ++answered_;
  intersection_ += overlap.intersection;
  united_ += overlap.united;
  iou_sum_ += overlap.iou(1);
  reference_sum_ +=
      static_cast<double>(overlap.intersection) / (static_cast<double>(overlap.united) + 1e-5) +
      (overlap.united == 0 ? 1 : 0);
}

void ReferringScore::add_unanswered(std::int64_t truth_area) {
  ++queries_;
  missing_area_ += truth_area;
}

void ReferringScore::add(const ReferringScore& other) {
  queries_ += other.queries_;
  answered_ += other.answered_;
  intersection_ += other.intersection_;
  united_ += other.united_;
  missing_area_ += other.missing_area_;
  iou_sum_ += other.iou_sum_;
  reference_sum_ += other.reference_sum_;
}

double ReferringScore::ciou(bool count_missing) const {
  const std::int64_t united = united_ + (count_missing ? missing_area_ : 0);
  return static_cast<double>(intersection_) / (static_cast<double>(united) + 1e-10);
}

double ReferringScore::giou_answered() const {
  return answered_ == 0 ? 0 : iou_sum_ / static_cast<double>(answered_);
}

double ReferringScore::giou_missing_as_zero() const {
  return queries_ == 0 ? 0 : iou_sum_ / static_cast<double>(queries_);
}

double ReferringScore::giou_reference() const {
  return queries_ == 0 ? 0 : reference_sum_ / static_cast<double>(queries_);
}

}  // namespace desa2va::evaluation
