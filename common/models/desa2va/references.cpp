#include "common/models/desa2va/references.h"

#include <algorithm>

#include <ATen/Functions.h>

#include "common/tensor/gradients.h"

namespace desa2va::models {

at::Tensor resize_masks(const at::Tensor& masks, std::int64_t size, bool centered) {
  TORCH_CHECK(masks.dim() == 3, "masks are (n, H, W), not ", masks.sizes());
  if (masks.size(0) == 0) return at::zeros({0, size, size}, masks.options().dtype(at::kFloat));
  const auto bytes = masks.to(at::kByte).unsqueeze(1);
  const auto resized = centered ? at::_upsample_nearest_exact2d(bytes, {size, size})
                                : at::upsample_nearest2d(bytes, {size, size});
  return resized.squeeze(1).ne(0).to(at::kFloat);
}

at::Tensor pool_under_masks(const at::Tensor& p3, const at::Tensor& masks,
                            std::span<const SampleCounts> samples) {
  const tensor::NoGradient no_gradient;
  std::vector<at::Tensor> rows;
  std::int64_t frame_base = 0, mask_base = 0;
  for (const auto& sample : samples) {
    const std::int64_t objects = std::min(sample.objects, sample.prompts);
    const auto pixels = p3.slice(0, frame_base, frame_base + sample.frames)
                            .flatten(2)
                            .permute({0, 2, 1})
                            .flatten(0, 1);  // (frames * hw, C)
    auto weight =
        masks.slice(0, mask_base, mask_base + objects * sample.frames).reshape({objects, -1});
    if (sample.prompts > objects) {
      weight = at::constant_pad_nd(weight, {0, 0, 0, sample.prompts - objects});
    }
    weight = at::where(weight.sum(1, /*keepdim=*/true) > 0, weight, at::ones_like(weight));
    if (sample.prompts > 0 && sample.frames > 0) {
      rows.push_back(at::matmul(weight, pixels.to(at::kFloat)) / weight.sum(1, true));
    }
    frame_base += sample.frames;
    mask_base += sample.objects * sample.frames;
  }
  if (rows.empty()) return at::zeros({0, p3.size(1)}, p3.options().dtype(at::kFloat));
  return at::cat(rows, 0);
}

}  // namespace desa2va::models
