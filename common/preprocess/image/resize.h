#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/preprocess/image/image.h"

namespace desa2va::preprocess {

// Pillow's `resize((width, height), BICUBIC)`, byte for byte: antialiased Keys kernel with
// a = -0.5 in fixed point of 22 bits, horizontal pass first, 8 bits between the passes
// (README: "The resize, exactly"). Sizes >= 1.
Image resize_bicubic(const Image& image, int width, int height);

// Nearest by floor(i * in / out) of a row-major single-channel picture (masks, index maps).
std::vector<std::uint8_t> resize_nearest(std::span<const std::uint8_t> pixels, int width,
                                         int height, int out_width, int out_height);

// The part [x, x + width) x [y, y + height), which must lie inside.
Image crop(const Image& image, int x, int y, int width, int height);

}  // namespace desa2va::preprocess
