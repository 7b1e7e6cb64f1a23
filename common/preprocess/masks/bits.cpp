#include "common/preprocess/masks/bits.h"

#include <algorithm>

namespace desa2va::preprocess {

void pack_bits(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  for (std::size_t byte = 0; byte < packed_size(in.size()); ++byte) {
    const std::size_t first = byte * 8;
    const std::size_t count = std::min<std::size_t>(8, in.size() - first);
    unsigned packed = 0;
    for (std::size_t bit = 0; bit < count; ++bit) packed |= (in[first + bit] != 0 ? 1U : 0U) << bit;
    out[byte] = static_cast<std::uint8_t>(packed);
  }
}

void unpack_bits(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (in[i / 8] >> (i % 8)) & 1U;
}

}  // namespace desa2va::preprocess
