#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Masks as they travel: one bit a pixel. Element i is bit (i mod 8), counted from the lowest, of
// byte i / 8; the unused bits of the last byte are zero.
namespace desa2va::preprocess {

constexpr std::size_t packed_size(std::size_t elements) {
  return (elements + 7) / 8;
}

// Anything but 0 counts as set. `out` has packed_size(in.size()) bytes.
void pack_bits(std::span<const std::uint8_t> in, std::span<std::uint8_t> out);
// 0 and 1. `in` has packed_size(out.size()) bytes.
void unpack_bits(std::span<const std::uint8_t> in, std::span<std::uint8_t> out);

}  // namespace desa2va::preprocess
