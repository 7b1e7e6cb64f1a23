#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/preprocess/masks/rle.h"

// The text of a mask as COCO files have it. Input: height and width (16 bits each, little-endian),
// then the text. What reads must decode, print and read again to the same runs, and its area, box
// and unions must agree with its pixels.
namespace {

using namespace desa2va::preprocess;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Rle& rle) {
  const Mask mask = decode_rle(rle);
  require(mask.area() == area(rle));
  const Rle canonical = encode_rle(mask);  // without the empty runs that a file may have
  require(decode_rle(canonical).pixels == mask.pixels);
  const auto again = rle_from_string(rle.height, rle.width, rle_to_string(rle));
  require(again && *again == rle);
  const std::array both = {rle, canonical};
  const auto joined = unite(both);
  const auto common = intersect(both);
  require(joined && area(*joined) == area(rle));
  require(common && area(*common) == area(rle));
  const auto box = bounding_box(rle);
  require(box == bounding_box(canonical));
  require(box[2] * box[3] >= static_cast<double>(area(rle)));
  require(box[0] >= 0 && box[1] >= 0 && box[0] + box[2] <= rle.width &&
          box[1] + box[3] <= rle.height);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const int height = data[0] | data[1] << 8;
  const int width = data[2] | data[3] << 8;
  const std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  const auto rle = rle_from_string(height, width, text);
  // Large pictures are read but not decoded: a run each would make the fuzzer write gigabytes.
  if (rle && static_cast<std::int64_t>(height) * width <= 1 << 14) check(*rle);
  return 0;
}
