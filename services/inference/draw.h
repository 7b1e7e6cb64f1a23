#pragma once

#include <string>
#include <vector>

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

// The frame, enlarged to be readable, with lines of text below; what is too long for a line is cut.
preprocess::Image captioned(const Pen& pen, const preprocess::Image& frame,
                            const std::vector<std::string>& lines);

}  // namespace desa2va::inference
