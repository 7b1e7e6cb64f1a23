#pragma once

#include <span>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/preprocess/image/image.h"

// Pictures to files. Same pixels and library versions, same bytes: no time stamps are written.
namespace desa2va::preprocess {

Result<Buffer> encode_png(const Image& image);

// 8-bit indexed PNG. `palette` may be empty (the usual 256 colours of segmentation sets) and must
// otherwise have a colour for every index used.
Result<Buffer> encode_png(const IndexedImage& image, std::span<const Rgb> palette = {});

// 8-bit grey PNG; the numbers are brightness.
Result<Buffer> encode_grey_png(const IndexedImage& image);

// Baseline JPEG, 4:2:0, quality 1..100 on the usual scale.
Result<Buffer> encode_jpeg(const Image& image, int quality = 90);

// The colours that the DAVIS and YouTube-VOS sets give to object numbers: for drawings too.
Rgb object_color(int number);

}  // namespace desa2va::preprocess
