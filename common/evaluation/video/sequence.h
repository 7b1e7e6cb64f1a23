#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/evaluation/masks/boundary.h"
#include "common/preprocess/image/image.h"

// J and F of whole videos: frame by frame, so that only one frame is in memory at a time.
namespace desa2va::evaluation {

using preprocess::IndexedImage;

// Of one frame: every object that the truth or the prediction shows. Objects in neither agree
// (J = F = 1).
struct FrameScore {
  struct Object {
    JF score;
    bool in_truth = false;
    bool predicted = false;
  };
  std::map<int, Object> objects;  // by index; 0 (background) and 255 (void) are none
};

// No prediction: nothing is predicted in this frame. InvalidArgument where the sizes differ. A
// picture of 0x0 pixels stands for an empty one of unknown size.
Result<FrameScore> score_frame(const IndexedImage& truth,
                               const std::optional<IndexedImage>& prediction);

struct SequenceScore {
  std::vector<int> objects;            // all that the truth shows in any frame, ascending
  std::vector<std::vector<double>> j;  // [object][frame]
  std::vector<std::vector<double>> f;
  std::vector<double> j_of_object;  // means over frames
  std::vector<double> f_of_object;
  double j_mean = 0;  // means over objects
  double f_mean = 0;
  std::vector<int> unknown;  // predicted objects that the truth never shows; not scored

  double jf() const { return (j_mean + f_mean) / 2; }
};

SequenceScore score_sequence(std::span<const FrameScore> frames);

// What ReVOS asks for besides (model.md 9.2), over the frames of one expression.
struct RevosCounts {
  std::int64_t pixels = 0;
  std::int64_t equal = 0;
  std::int64_t wrong = 0;       // predicted, not true
  std::int64_t foreground = 0;  // of all that could be meant

  // One frame; all of one size.
  void add(const Mask& truth, const Mask& prediction, const Mask& all);
  // The share of pixels that agree.
  double accuracy() const;
  // max(1 - wrong / foreground, 0).
  double robustness() const;
};

}  // namespace desa2va::evaluation
