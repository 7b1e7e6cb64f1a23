#pragma once

#include <string>

#include "common/preprocess/image/image.h"
#include "services/inference/pen.h"
#include "services/inference/score.h"

namespace desa2va::inference {

// What was asked, what is true and what was predicted: three panels side by side, each `scale`
// times as large as the frame: the frame, the truth in green, the prediction in orange; the
// sentence and `note` above. Sides are even.
preprocess::Image panels(const Pen& pen, const preprocess::Image& frame, const Mask& truth,
                         const Mask& prediction, int mask_width, int mask_height,
                         const std::string& sentence, const std::string& note, int scale);

}  // namespace desa2va::inference
