#include "common/models/sam2/position_encoding.h"

#include <numbers>

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {
namespace {

// u: (n) positions, already scaled -> (n, channels): sin and cos alternate.
at::Tensor sine_axis(const at::Tensor& u, std::int64_t channels, double temperature) {
  const auto m = at::arange(channels, u.options());
  const auto exponent = at::floor(m / 2) * 2 / static_cast<double>(channels);
  const auto period = at::pow(at::full({}, temperature, u.options()), exponent);
  const auto angle = u.unsqueeze(1) / period;
  const auto even = at::sin(angle.slice(1, 0, channels, 2));
  const auto odd = at::cos(angle.slice(1, 1, channels, 2));
  return at::stack({even, odd}, 2).flatten(1);
}

}  // namespace

at::Tensor sine_encoding(std::int64_t channels, std::int64_t h, std::int64_t w,
                         double temperature) {
  TORCH_CHECK(channels % 4 == 0, "a 2-D sine encoding needs channels divisible by 4, not ",
              channels);
  const auto axis = [&](std::int64_t n) {
    const auto steps = at::arange(1, n + 1, at::kFloat);
    return sine_axis(steps / (static_cast<double>(n) + 1e-6) * (2 * std::numbers::pi), channels / 2,
                     temperature);
  };
  const auto y = axis(h).unsqueeze(1).expand({h, w, channels / 2});
  const auto x = axis(w).unsqueeze(0).expand({h, w, channels / 2});
  return at::cat({y, x}, 2).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

AxialRope axial_rope(std::int64_t dim, std::int64_t h, std::int64_t w, double theta) {
  TORCH_CHECK(dim % 4 == 0, "axial rotary positions need a width divisible by 4, not ", dim);
  const auto j = at::arange(dim / 4, at::kFloat);
  const auto frequency = at::pow(at::full({}, theta), j * (-4.0 / static_cast<double>(dim)));
  const auto t = at::arange(h * w, at::kFloat);
  const auto y = at::floor(t / static_cast<double>(w));
  const auto x = t - y * static_cast<double>(w);
  const auto angle = at::cat({at::outer(x, frequency), at::outer(y, frequency)}, 1);
  return {at::cos(angle), at::sin(angle)};
}

at::Tensor fourier_encoding(const at::Tensor& points, const at::Tensor& matrix) {
  const auto angle = at::matmul(points * 2 - 1, matrix) * (2 * std::numbers::pi);
  return at::cat({at::sin(angle), at::cos(angle)}, -1);
}

at::Tensor fourier_grid(const at::Tensor& matrix, std::int64_t h, std::int64_t w) {
  const auto axis = [&](std::int64_t n) {
    return (at::arange(n, matrix.options()) + 0.5) / static_cast<double>(n);
  };
  const auto y = axis(h).unsqueeze(1).expand({h, w});
  const auto x = axis(w).unsqueeze(0).expand({h, w});
  return fourier_encoding(at::stack({x, y}, 2), matrix).permute({2, 0, 1}).unsqueeze(0);
}

}  // namespace desa2va::models::sam2
