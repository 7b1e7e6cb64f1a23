#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/preprocess/image/image.h"
#include "services/inference/score.h"

namespace desa2va::inference {

// Drawings of what was asked, what is true and what was predicted.
class Pen {
 public:
  // Opens the system's DejaVu Sans; without it pictures have no words. One thread.
  Pen();
  ~Pen();

  // Three panels side by side, each `scale` times as large as the frame: the frame, the truth in
  // green, the prediction in orange; the sentence and `note` above. Sides are even.
  preprocess::Image panels(const preprocess::Image& frame, const Mask& truth, const Mask& prediction,
                           int mask_width, int mask_height, const std::string& sentence,
                           const std::string& note, int scale) const;

 private:
  void write(preprocess::Image& on, int x, int y, const std::string& text, int pixels) const;
  struct Face;
  std::unique_ptr<Face> face_;
};

}  // namespace desa2va::inference
