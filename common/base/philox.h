#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace desa2va {

using PhiloxKey = std::array<std::uint32_t, 2>;

// Philox4x32-10 (Salmon et al. 2011, Random123): four words, a function of counter and key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, PhiloxKey key);

// The blocks of the counters (low, high, third, fourth), one after another, where low and high are
// the halves of first, first + 1, ...; out.size() is a multiple of 4. Sixteen at a time where the
// processor has AVX-512 (compilers make nothing of the portable loop), the same words on all.
void philox_blocks(std::uint64_t first, std::uint32_t third, std::uint32_t fourth, PhiloxKey key,
                   std::span<std::uint32_t> out);

}  // namespace desa2va
