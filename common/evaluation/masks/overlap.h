#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "common/preprocess/masks/rle.h"

// Areas of overlap, and the scores of sets of (truth, prediction) pairs that are made of them.
// Functions of values; any thread.
namespace desa2va::evaluation {

struct Overlap {
  std::int64_t intersection = 0;  // pixels
  std::int64_t united = 0;
  std::int64_t truth = 0;  // pixels of the truth alone

  // I / U; `if_empty` where nothing is in either mask.
  double iou(double if_empty) const {
    return united == 0 ? if_empty : static_cast<double>(intersection) / static_cast<double>(united);
  }
};

// InvalidArgument where the sizes differ.
Result<Overlap> overlap(const preprocess::Rle& truth, const preprocess::Rle& prediction);

// cIoU and gIoU of referring segmentation (model.md 9.1): one query is one sentence on one picture.
class ReferringScore {
 public:
  void add(const Overlap& overlap);
  // The model gave no mask.
  void add_unanswered(std::int64_t truth_area);
  // The queries of another score, as if they had been added here.
  void add(const ReferringScore& other);

  std::uint64_t queries() const { return queries_; }
  std::uint64_t answered() const { return answered_; }
  std::int64_t intersection() const { return intersection_; }
  std::int64_t united() const { return united_; }  // of the answered queries

  // Sum of intersections / (sum of unions + 1e-10). Unanswered queries are left out, or with
  // `count_missing` their truth counts in the union.
  double ciou(bool count_missing) const;
  // Mean of I/U (1 where both masks are empty) over the answered queries.
  double giou_answered() const;
  // The same over all queries, unanswered ones as 0.
  double giou_missing_as_zero() const;
  // As the reference has it: I / (U + 1e-5), plus 1 where U = 0, over all queries.
  double giou_reference() const;

 private:
  std::uint64_t queries_ = 0;
  std::uint64_t answered_ = 0;
  std::int64_t intersection_ = 0;
  std::int64_t united_ = 0;
  std::int64_t missing_area_ = 0;
  double iou_sum_ = 0;
  double reference_sum_ = 0;
};

}  // namespace desa2va::evaluation
