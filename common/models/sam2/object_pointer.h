#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

// What tracking keeps of an object besides its mask (model 4.5): a vector, and what stands for an
// object that is not there.
namespace desa2va::models::sam2 {

struct PointerRules {
  bool soft = false;  // soft_no_obj_ptr: sigmoid of the score in place of its sign
  bool fixed = true;  // fixed_no_obj_ptr: an absent object's own pointer counts for nothing
};

// How much the object is there: (N, 1) in [0, 1].
at::Tensor presence(const at::Tensor& object_score, const PointerRules& rules);
// pointer: (N, C) projected token; no_object: (1, C).
at::Tensor mix_pointer(const at::Tensor& pointer, const at::Tensor& presence,
                       const at::Tensor& no_object, const PointerRules& rules);

// Official SAM-2 blanks the masks (N, .., h, w) of absent objects; Sa2VA does not.
at::Tensor blank_absent(const at::Tensor& masks, const at::Tensor& object_score);

// 1-D sine encoding of distances (n), already divided by their range: (n, channels), sines first.
at::Tensor sine_of_distance(const at::Tensor& distance, std::int64_t channels,
                            double temperature = 10000);

// Logits (N, 1, h, w) at `size` a side, bilinear.
at::Tensor enlarge(const at::Tensor& masks, std::int64_t size);

}  // namespace desa2va::models::sam2
