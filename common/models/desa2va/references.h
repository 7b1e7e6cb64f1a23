#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "common/models/desa2va/fixed_objects.h"

// The visual reference v* of the discriminators (model 5.7) and the masks it is pooled under.
namespace desa2va::models {

// uint8 or bool (n, H, W) -> float (n, size, size), nearest as in F.interpolate, {0, 1}.
// `centered`: the middle pixel of each cell instead of its top left one.
at::Tensor resize_masks(const at::Tensor& masks, std::int64_t size, bool centered = false);

// p3: (F, C, h, w); masks: (sum objects * frames, h, w) float, object-major per sample. One row per
// prompt, (sum prompts, C): the mean of P3 over the object's pixels in all its frames together; all
// positions of those frames where that is empty, or where there is no such object. No gradient.
at::Tensor pool_under_masks(const at::Tensor& p3, const at::Tensor& masks,
                            std::span<const SampleCounts> samples);

}  // namespace desa2va::models
