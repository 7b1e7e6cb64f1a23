#pragma once

#include <cstdint>

#include "common/preprocess/video/yuv_to_rgb.h"

// What the vectorised versions of `YuvKernels::widen` share where chroma becomes twice as wide.
namespace desa2va::preprocess {

// Away from the edges even and odd outputs have one set of weights each, over the samples
// k-2..k+1 and k-1..k+2. Samples [from, to) may be taken `step` at a time by such loads, the last
// time from to - step on whatever was done already, which gives the outputs [2 * from, 2 * to).
// None when the taps are others.
struct Doubled {
  int from = 0;
  int to = 0;
};
Doubled doubled_range(const ChromaTaps& taps, int in_width, int step);

// Outputs [begin, end), one by one, of taps of four.
void widen_four_taps(const ChromaTaps& taps, const std::uint8_t* in, int in_width, int begin,
                     int end, std::int16_t* out);

}  // namespace desa2va::preprocess
