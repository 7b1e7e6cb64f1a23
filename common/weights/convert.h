#pragma once

#include "common/base/bytes.h"
#include "common/base/host_tensor.h"
#include "common/base/result.h"

namespace desa2va::weights {

// Whether elements of `from` can be written as `to`: equal types, or both of F64 F32 F16 BF16.
bool converts(DType from, DType to);

// Element by element, to the nearest with ties to even; NaN stays NaN. F16 and BF16 pass through
// F32 without loss and back bit for bit. `in` and `out` hold the same number of elements, at any
// alignment; types that `converts`.
void convert(ByteSpan in, DType from, MutableByteSpan out, DType to);

// One element.
float from_bf16(std::uint16_t bits);
std::uint16_t to_bf16(float value);
float from_f16(std::uint16_t bits);
std::uint16_t to_f16(float value);

}  // namespace desa2va::weights
