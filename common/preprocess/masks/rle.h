#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

// Binary masks and the COCO run-length code, as pycocotools has them.
namespace desa2va::preprocess {

// One byte a pixel, 0 or 1, row-major (height, width).
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  static Mask zeros(int width, int height);
  std::int64_t area() const;
};

// Run lengths down the columns (x outer, y inner), alternating, beginning with zeros (which may be
// an empty run). The sum of the runs is width * height.
struct Rle {
  int width = 0;
  int height = 0;
  std::vector<std::uint32_t> runs;
  bool operator==(const Rle&) const = default;
};

// Masks above this many pixels are refused when reading foreign files.
inline constexpr std::int64_t kMaxMaskPixels = std::int64_t{1} << 28;

Rle encode_rle(const Mask& mask);
Mask decode_rle(const Rle& rle);

// The compressed text of COCO files: groups of 5 bits, from 48, differences to the run before the
// last one. Corrupt where the text ends early or its runs do not fill the picture.
std::string rle_to_string(const Rle& rle);
Result<Rle> rle_from_string(int height, int width, std::string_view counts);
// Runs as a list of numbers ("uncompressed RLE"), checked the same way.
Result<Rle> rle_from_runs(int height, int width, std::span<const std::int64_t> runs);

// A mask of zeros.
Rle empty_rle(int height, int width);
std::int64_t area(const Rle& rle);
// x, y, width, height in pixels; zeros for an empty mask.
std::array<double, 4> bounding_box(const Rle& rle);

// All of one size, at least one; anything else is InvalidArgument.
Result<Rle> unite(std::span<const Rle> masks);
Result<Rle> intersect(std::span<const Rle> masks);
// |a and b| / |a or b|, or / |a| where b is a crowd region; 0 where the divisor is.
Result<double> mask_iou(const Rle& a, const Rle& b, bool crowd = false);

// The mask on a canvas of another size: copied to the top left, what is missing is zero, what
// reaches over is lost.
Mask place_top_left(const Mask& mask, int width, int height);

}  // namespace desa2va::preprocess
