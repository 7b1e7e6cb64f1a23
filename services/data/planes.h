#pragma once

#include <cstdint>

#include "common/preprocess/image/image.h"

namespace desa2va::data {

// The picture as three planes, red, green, blue, row by row, at `out`, which has room for
// 3 * width * height bytes: the only pass over its pixels between decoding (or resizing) and the
// message.
void to_planes(const preprocess::Image& image, std::uint8_t* out);

}  // namespace desa2va::data
