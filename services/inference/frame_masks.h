#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "services/inference/picture_masks.h"

// From the decoder's logits to masks in the pixels of the picture. Throws.
namespace desa2va::inference {

// logits: (N, s, s) -> (S, S) -> (height, width), bilinear both times as in the reference; set
// where above 0, which is a probability above one half. Object i has number first + i, up to 255.
PictureMasks to_picture(const at::Tensor& logits, std::int64_t image_size, int width, int height,
                        int first = 1);

}  // namespace desa2va::inference
