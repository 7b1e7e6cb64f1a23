#include "common/models/sam2/object_pointer.h"

#include <ATen/Functions.h>

namespace desa2va::models::sam2 {

at::Tensor presence(const at::Tensor& object_score, const PointerRules& rules) {
  return rules.soft ? at::sigmoid(object_score) : object_score.gt(0).to(object_score.scalar_type());
}

at::Tensor mix_pointer(const at::Tensor& pointer, const at::Tensor& presence,
                       const at::Tensor& no_object, const PointerRules& rules) {
  const auto own = rules.fixed ? presence * pointer : pointer;
  return own + (1 - presence) * no_object;
}

at::Tensor blank_absent(const at::Tensor& masks, const at::Tensor& object_score) {
  const auto there = object_score.gt(0).view({-1, 1, 1, 1});
  return at::where(there, masks, at::full({}, -1024.0, masks.options()));
}

at::Tensor sine_of_distance(const at::Tensor& distance, std::int64_t channels, double temperature) {
  const std::int64_t half = channels / 2;
  const auto m = at::arange(half, at::TensorOptions().dtype(at::kFloat).device(distance.device()));
  const auto exponent = at::floor(m / 2) * 2 / static_cast<double>(half);
  const auto period = at::pow(at::full({}, temperature, m.options()), exponent);
  const auto angle = distance.to(at::kFloat).unsqueeze(1) / period;
  return at::cat({at::sin(angle), at::cos(angle)}, 1);
}

at::Tensor enlarge(const at::Tensor& masks, std::int64_t size) {
  return at::upsample_bilinear2d(masks, {size, size}, /*align_corners=*/false);
}

}  // namespace desa2va::models::sam2
