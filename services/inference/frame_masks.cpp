#include "services/inference/frame_masks.h"

#include <ATen/ops/upsample_bilinear2d.h>

namespace desa2va::inference {

PictureMasks to_picture(const at::Tensor& logits, std::int64_t image_size, int width, int height,
                        int first) {
  PictureMasks out;
  out.width = width;
  out.height = height;
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  out.numbers.assign(pixels, 0);
  const std::int64_t count = logits.defined() ? logits.size(0) : 0;
  std::vector<float> best(count > 1 ? pixels : 0, 0.0F);
  // One object at a time: the memory of one enlarged mask, whatever the number of objects.
  for (std::int64_t i = 0; i < count; ++i) {
    const auto square = at::upsample_bilinear2d(
        logits.slice(0, i, i + 1).unsqueeze(1).to(at::kFloat), {image_size, image_size}, false);
    const auto large = at::upsample_bilinear2d(square, {height, width}, false).cpu().contiguous();
    const float* values = large.const_data_ptr<float>();
    preprocess::Mask mask{width, height, std::vector<std::uint8_t>(pixels)};
    const auto number = static_cast<std::uint8_t>(first + i);
    for (std::size_t p = 0; p < pixels; ++p) {
      if (!(values[p] > 0)) continue;
      mask.pixels[p] = 1;
      if (count == 1) {
        out.numbers[p] = number;
      } else if (out.numbers[p] == 0 || values[p] > best[p]) {
        out.numbers[p] = number;
        best[p] = values[p];
      }
    }
    out.objects.push_back(preprocess::encode_rle(mask));
  }
  return out;
}

}  // namespace desa2va::inference
