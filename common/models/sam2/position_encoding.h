#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

// The fixed tables of positions in SAM-2. All float32 (other types lose half a pixel and more).
namespace desa2va::models::sam2 {

// 2-D sine encoding (model 4.2): (1, channels, h, w); the first half of the channels encodes y.
at::Tensor sine_encoding(std::int64_t channels, std::int64_t h, std::int64_t w,
                         double temperature = 10000);

// Axial rotary factors of an (h, w) grid (model 4.7): cos and sin, each (h * w, dim / 2); the first
// half turns with x, the second with y.
struct AxialRope {
  at::Tensor cos, sin;
};
AxialRope axial_rope(std::int64_t dim, std::int64_t h, std::int64_t w, double theta = 10000);

// Random Fourier encoding (model 4.3): points (..., 2) in [0, 1], matrix (2, C/2) -> (..., C).
at::Tensor fourier_encoding(const at::Tensor& points, const at::Tensor& matrix);
// Of every cell centre: (1, C, h, w).
at::Tensor fourier_grid(const at::Tensor& matrix, std::int64_t h, std::int64_t w);

}  // namespace desa2va::models::sam2
