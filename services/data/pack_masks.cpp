#include "common/preprocess/masks/rle.h"
#include "services/data/assemble.h"

namespace desa2va::data {

Result<messages::Masks> pack_masks(const datasets::Sample& sample,
                                   std::span<const std::uint32_t> objects,
                                   std::span<const std::uint32_t> frames) {
  messages::Masks packed;
  std::size_t row_bytes = 0;
  std::size_t next = 0;
  std::span<std::uint8_t> bits;
  for (const std::uint32_t object : objects) {
    const auto& masks = sample.expressions[object].masks;
    for (const std::uint32_t frame : frames) {
      if (frame >= masks.size()) {
        return fail(Errc::Corrupt, "expression {} has no mask for frame {}",
                    sample.expressions[object].id, frame);
      }
      DESA2VA_ASSIGN(const preprocess::Rle rle, datasets::decoded(masks[frame]));
      preprocess::Mask mask = preprocess::decode_rle(rle);
      if (next == 0) {
        packed.height = mask.height;
        packed.width = mask.width;
        row_bytes = (static_cast<std::size_t>(mask.width) + 7) / 8;
        packed.bits =
            HostTensor::empty(DType::U8, {static_cast<std::int64_t>(objects.size() * frames.size()),
                                          packed.height, static_cast<std::int64_t>(row_bytes)});
        bits = packed.bits.mutable_values<std::uint8_t>();
        std::fill(bits.begin(), bits.end(), std::uint8_t{0});
      } else if (mask.width != packed.width || mask.height != packed.height) {
        mask = preprocess::place_top_left(mask, static_cast<int>(packed.width),
                                          static_cast<int>(packed.height));
      }
      const auto width = static_cast<std::size_t>(packed.width);
      const auto height = static_cast<std::size_t>(packed.height);
      std::uint8_t* out = bits.data() + next * height * row_bytes;
      for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
          if (mask.pixels[y * width + x] != 0) out[y * row_bytes + x / 8] |= 1U << (x % 8);
        }
      }
      ++next;
    }
  }
  return packed;
}

}  // namespace desa2va::data
