#pragma once

#include <string>
#include <vector>

#include "common/preprocess/image/image.h"
#include "launcher/commands/histogram.h"

namespace desa2va::launcher {

// The histograms as one picture, two in a row, under a title. Words need DejaVu Sans where Debian
// puts it; without it the bars stand alone.
preprocess::Image draw_chart(const std::string& title, const std::vector<Histogram>& histograms);

}  // namespace desa2va::launcher
