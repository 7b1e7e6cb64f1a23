#include <algorithm>

#include "common/preprocess/masks/bits.h"
#include "common/preprocess/masks/rle.h"
#include "services/data/assemble.h"

namespace desa2va::data {

namespace {

// Sets the bits of the mask's runs in rows of `row_bytes` at `out`; what lies outside of height x
// width is left out. Runs go down the columns. Only pixels of the object are touched.
void set_runs(const preprocess::Rle& rle, std::size_t height, std::size_t width,
              std::size_t row_bytes, std::uint8_t* out) {
  const auto rows = static_cast<std::size_t>(rle.height);
  if (rows == 0) return;
  const std::size_t columns = std::min(width, static_cast<std::size_t>(rle.width));
  std::size_t position = 0;
  bool inside = false;
  for (const std::uint32_t run : rle.runs) {
    const std::size_t end = position + run;
    while (inside && position < end) {
      const std::size_t x = position / rows;
      if (x >= columns) break;
      const std::size_t first = position % rows;
      const std::size_t last = std::min(rows, first + (end - position));
      const auto bit = static_cast<std::uint8_t>(1U << (x % 8));
      for (std::size_t y = first; y < std::min(last, height); ++y) {
        out[y * row_bytes + x / 8] |= bit;
      }
      position += last - first;
    }
    position = end;
    inside = !inside;
  }
}

}  // namespace

Result<messages::Masks> pack_masks(const datasets::Sample& sample,
                                   std::span<const std::uint32_t> objects,
                                   std::span<const std::uint32_t> frames) {
  messages::Masks packed;
  std::span<std::uint8_t> bits;
  std::size_t mask_bytes = 0, next = 0;
  for (const std::uint32_t object : objects) {
    const auto& masks = sample.expressions[object].masks;
    for (const std::uint32_t frame : frames) {
      if (frame >= masks.size()) {
        return fail(Errc::Corrupt, "expression {} has no mask for frame {}",
                    sample.expressions[object].id, frame);
      }
      DESA2VA_ASSIGN(const preprocess::Rle rle, datasets::decoded(masks[frame]));
      if (next == 0) {  // the others are brought to the size of the first
        packed.height = rle.height;
        packed.width = rle.width;
        const std::size_t row_bytes = preprocess::packed_size(static_cast<std::size_t>(rle.width));
        packed.bits =
            HostTensor::empty(DType::U8, {static_cast<std::int64_t>(objects.size() * frames.size()),
                                          packed.height, static_cast<std::int64_t>(row_bytes)});
        bits = packed.bits.mutable_values<std::uint8_t>();
        std::fill(bits.begin(), bits.end(), std::uint8_t{0});
        mask_bytes = static_cast<std::size_t>(packed.height) * row_bytes;
      }
      const auto width = static_cast<std::size_t>(packed.width);
      set_runs(rle, static_cast<std::size_t>(packed.height), width, preprocess::packed_size(width),
               bits.data() + next * mask_bytes);
      ++next;
    }
  }
  return packed;
}

}  // namespace desa2va::data
